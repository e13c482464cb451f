import type { NdArray } from "./ndarray.ts";

/** (N, C, H, W), one after another, as (N, H, W, C). */
export function nchwToNhwc(x: NdArray, shape: readonly [number, number, number, number]): NdArray {
  const [N, H, W, C] = shape;
  const data = new Float64Array(x.data.length);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      for (let p = 0; p < H * W; p++) data[(n * H * W + p) * C + c] = x.data[(n * C + c) * H * W + p]!;
    }
  }
  return { shape, data };
}

/** (N, H, W, C) as (N, C, H, W), one after another. */
export function nhwcToNchw(x: NdArray): NdArray {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  // The same permutation with the roles of pixels and channels exchanged.
  const { data } = nchwToNhwc(x, [N, C, 1, H * W]);
  return { shape: [data.length], data };
}

/** x (…, C) with zeros in more channels: (…, channels). */
export function padChannels({ shape, data }: NdArray, channels: number): NdArray {
  const C = shape.at(-1)!;
  const wide = new Float64Array((data.length / C) * channels);
  data.forEach((value, i) => {
    wide[Math.floor(i / C) * channels + (i % C)] = value;
  });
  return { shape: [...shape.slice(0, -1), channels], data: wide };
}

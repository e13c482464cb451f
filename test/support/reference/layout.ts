import type { Pad2d } from "../../../src/ops/layout/pad2d.ts";
import { type NdArray, size } from "./ndarray.ts";

/** x (…, C) with zeros in more channels, some of them before the others: (…, channels). */
export function padChannels({ shape, data }: NdArray, channels: number, before = 0): NdArray {
  const C = shape.at(-1)!;
  const wide = new Float64Array((data.length / C) * channels);
  data.forEach((value, i) => {
    wide[Math.floor(i / C) * channels + before + (i % C)] = value;
  });
  return { shape: [...shape.slice(0, -1), channels], data: wide };
}

/** x (N, H, W, C) with pixels around it, or without some of its own. */
export function pad2d({ shape, data }: NdArray, { padding, mode, value = 0 }: Pad2d): NdArray {
  const [N, H, W, C] = shape as [number, number, number, number];
  const [top, bottom, left, right] = padding;
  const [P, Q] = [H + top + bottom, W + left + right];
  const inside = (at: number, extent: number): number => {
    if (mode === "constant" || (at >= 0 && at < extent)) return at;
    return at < 0 ? -at : 2 * (extent - 1) - at;
  };
  const y = { shape: [N, P, Q, C], data: new Float64Array(size([N, P, Q, C])).fill(value) };
  for (let n = 0; n < N; n++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        const [h, w] = [inside(p - top, H), inside(q - left, W)];
        if (h < 0 || h >= H || w < 0 || w >= W) continue;
        const from = ((n * H + h) * W + w) * C;
        y.data.set(data.subarray(from, from + C), ((n * P + p) * Q + q) * C);
      }
  return y;
}

import type { AvgPool2d, MaxPool2d, Pool2d } from "../../../src/ops/pool/pool.ts";
import { activate } from "./activation.ts";
import type { NdArray } from "./ndarray.ts";

/** Reduces the values inside each window. */
function windows(
  { shape, data }: NdArray,
  { kernel, stride, padding }: Pool2d,
  reduce: (values: number[]) => number,
): NdArray {
  const [N, H, W, C] = shape as [number, number, number, number];
  const P = Math.floor((H + padding[0] + padding[1] - kernel[0]) / stride[0]) + 1;
  const Q = Math.floor((W + padding[2] + padding[3] - kernel[1]) / stride[1]) + 1;
  const y = new Float64Array(N * P * Q * C);
  for (let n = 0; n < N; n++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++)
        for (let c = 0; c < C; c++) {
          const values: number[] = [];
          for (let r = 0; r < kernel[0]; r++)
            for (let s = 0; s < kernel[1]; s++) {
              const h = p * stride[0] - padding[0] + r;
              const w = q * stride[1] - padding[2] + s;
              if (h >= 0 && h < H && w >= 0 && w < W) values.push(data[((n * H + h) * W + w) * C + c]!);
            }
          y[((n * P + p) * Q + q) * C + c] = reduce(values);
        }
  return { shape: [N, P, Q, C], data: y };
}

export const maxPool2d = (x: NdArray, attrs: MaxPool2d): NdArray =>
  windows(x, attrs, (values) => activate(Math.max(...values), attrs.activation ?? { name: "identity" }));

export const avgPool2d = (x: NdArray, attrs: AvgPool2d): NdArray =>
  windows(x, attrs, (values) => {
    const cells = attrs.countIncludePad ? attrs.kernel[0] * attrs.kernel[1] : values.length;
    return values.reduce((sum, v) => sum + v, 0) / cells;
  });

export function globalAvgPool({ shape, data }: NdArray): NdArray {
  const [N, H, W, C] = shape as [number, number, number, number];
  const y = new Float64Array(N * C);
  data.forEach((v, i) => {
    y[Math.floor(i / (H * W * C)) * C + (i % C)]! += v / (H * W);
  });
  return { shape: [N, C], data: y };
}

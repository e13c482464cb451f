import type { AvgPool2d, MaxPool2d, Pool2d } from "../../../src/ops/pool/pool.ts";
import { activate } from "./activation.ts";
import type { NdArray } from "./ndarray.ts";

/** Reduces the values inside each window, given with their places in x and how many cells lie in x or counted padding. */
function windows(
  { shape, data }: NdArray,
  { kernel, stride, padding, ceil = [0, 0] }: Pool2d & Pick<AvgPool2d, "ceil">,
  reduce: (values: number[], places: number[], counted: number) => number,
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
          const places: number[] = [];
          let counted = 0;
          for (let r = 0; r < kernel[0]; r++)
            for (let s = 0; s < kernel[1]; s++) {
              const h = p * stride[0] - padding[0] + r;
              const w = q * stride[1] - padding[2] + s;
              if (h < H + padding[1] - ceil[0] && w < W + padding[3] - ceil[1]) counted++;
              if (h < 0 || h >= H || w < 0 || w >= W) continue;
              places.push(((n * H + h) * W + w) * C + c);
              values.push(data[places.at(-1)!]!);
            }
          y[((n * P + p) * Q + q) * C + c] = reduce(values, places, counted);
        }
  return { shape: [N, P, Q, C], data: y };
}

export const maxPool2d = (x: NdArray, attrs: MaxPool2d): NdArray =>
  windows(x, attrs, (values) => activate(Math.max(...values), attrs.activation ?? { name: "identity" }));

/** The gradient of x: that of a window goes to its first NaN or, if it has none, to the first of its maxima. */
export function maxPool2dGradient(x: NdArray, attrs: MaxPool2d, dy: NdArray): NdArray {
  const { name, alpha = 0 } = attrs.activation ?? { name: "identity" };
  const below = name === "identity" ? 1 : name === "leaky_relu" ? alpha : 0;
  const dx = new Float64Array(x.data.length);
  let window = 0;
  windows(x, attrs, (values, places) => {
    const largest = Math.max(...values);
    const slope = name === "identity" || largest > 0 ? 1 : largest <= 0 ? below : Number.NaN;
    const winner = places[values.findIndex((v) => Number.isNaN(v) || v === largest)]!;
    dx[winner]! += slope * dy.data[window++]!;
    return largest;
  });
  return { shape: x.shape, data: dx };
}

export const avgPool2d = (x: NdArray, attrs: AvgPool2d): NdArray =>
  windows(x, attrs, (values, _, counted) => {
    const cells = attrs.countIncludePad ? counted : values.length;
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

/** A window as large as the map. */
const whole = ({ shape }: NdArray): Pool2d => ({
  kernel: [shape[1]!, shape[2]!],
  stride: [1, 1],
  padding: [0, 0, 0, 0],
});

export function globalMaxPool(x: NdArray): NdArray {
  const { shape, data } = maxPool2d(x, whole(x));
  return { shape: [shape[0]!, shape[3]!], data };
}

export const globalMaxPoolGradient = (x: NdArray, dy: NdArray): NdArray => maxPool2dGradient(x, whole(x), dy);

import type { NdArray } from "./ndarray.ts";

/** x (N, …, C) with mean 0 and variance 1 in each of the groups of each image, times weight plus bias. */
export function groupNorm(
  { shape, data }: NdArray,
  weight: NdArray,
  bias: NdArray,
  { groups, eps, images = shape[0]! }: { groups: number; eps: number; images?: number },
): NdArray {
  const C = shape.at(-1)!;
  const y = new Float64Array(data.length);
  const members = new Map<number, number[]>();
  data.forEach((_, i) => {
    const key = Math.floor(i / (data.length / images)) * groups + Math.floor((i % C) / (C / groups));
    members.set(key, [...(members.get(key) ?? []), i]);
  });
  for (const places of members.values()) {
    const mean = places.reduce((sum, i) => sum + data[i]!, 0) / places.length;
    const variance = places.reduce((sum, i) => sum + (data[i]! - mean) ** 2, 0) / places.length;
    for (const i of places) {
      y[i] = ((data[i]! - mean) / Math.sqrt(variance + eps)) * weight.data[i % C]! + bias.data[i % C]!;
    }
  }
  return { shape, data: y };
}

/** The same with a group for each pixel. */
export const layerNorm = (x: NdArray, weight: NdArray, bias: NdArray, eps: number): NdArray =>
  groupNorm(x, weight, bias, { groups: 1, eps, images: x.data.length / x.shape.at(-1)! });

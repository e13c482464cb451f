import { type NdArray, size } from "./ndarray.ts";

/** The inputs x0, x1, … in order. */
export const inOrder = (inputs: Record<string, NdArray>): NdArray[] =>
  Object.keys(inputs)
    .sort()
    .map((name) => inputs[name]!);

export function average(inputs: Record<string, NdArray>): NdArray {
  const branches = inOrder(inputs);
  const { shape, data } = branches[0]!;
  const mean = (_: number, i: number): number =>
    branches.reduce((sum, branch) => sum + branch.data[i]!, 0) / branches.length;
  return { shape, data: data.map(mean) };
}

/** a b, where b has a's shape, or is (N, C) or (N, H, W, 1). */
export function mul({ shape, data }: NdArray, b: NdArray): NdArray {
  const C = shape.at(-1)!;
  const image = data.length / shape[0]!;
  const factor = (i: number): number => {
    if (b.data.length === data.length) return b.data[i]!;
    return b.shape.length === 2 ? b.data[Math.floor(i / image) * C + (i % C)]! : b.data[Math.floor(i / C)]!;
  };
  return { shape, data: data.map((v, i) => v * factor(i)) };
}

/** Joins along the last axis. */
export function concat(inputs: Record<string, NdArray>): NdArray {
  const branches = inOrder(inputs);
  const width = (branch: NdArray): number => branch.shape.at(-1)!;
  const shape = [
    ...branches[0]!.shape.slice(0, -1),
    branches.reduce((sum, branch) => sum + width(branch), 0),
  ];
  const values: number[] = [];
  for (let row = 0; row < size(shape.slice(0, -1)); row++)
    for (const branch of branches)
      values.push(...branch.data.slice(row * width(branch), (row + 1) * width(branch)));
  return { shape, data: Float64Array.from(values) };
}

/**
 * Converts between our layouts and PyTorch's, which weight files have: conv2d (R, S, C, K) ↔ [K, C, R, S]; dense
 * (C, K) ↔ [K, C], where the rows after a flatten are in (H, W, C) order here and in (C, H, W) order there. Vectors
 * are the same.
 */
import type { Variable } from "../graph/graph.ts";

/** A variable's shape in a file. */
export function fileShape({ tensor: { shape } }: Variable): readonly number[] {
  if (shape.length === 4) return [shape[3]!, shape[2]!, shape[0]!, shape[1]!];
  if (shape.length === 2) return [shape[1]!, shape[0]!];
  return shape;
}

/**
 * Whether a file's tensor of this shape can hold the variable's values. A dense layer may be stored as a convolution
 * over the whole map: [K, C, H, W] holds the same numbers in the same order as [K, C·H·W].
 */
export function fitsShape(variable: Variable, shape: readonly number[]): boolean {
  const expected = fileShape(variable);
  if (shape.join() === expected.join()) return true;
  if (expected.length !== 2 || shape.length !== 4) return false;
  const [H, W, C] = variable.flattened ?? [1, 1, expected[1]!];
  return shape.join() === [expected[0], C, H, W].join();
}

/** Reorders values from our layout into a file's. */
export function toFile(variable: Variable, values: Float32Array): Float32Array {
  const { shape, axes } = orderOf(variable);
  return permute(values, shape, axes);
}

/** Reorders values from a file's layout into ours. */
export function fromFile(variable: Variable, values: Float32Array): Float32Array {
  const { shape, axes } = orderOf(variable);
  const back = axes.map((_, axis) => axes.indexOf(axis));
  return permute(
    values,
    axes.map((axis) => shape[axis]!),
    back,
  );
}

/** The axes that our layout tells apart, and their order in a file. */
function orderOf({ tensor: { shape }, flattened }: Variable): Record<"shape" | "axes", readonly number[]> {
  if (shape.length === 4) return { shape, axes: [3, 2, 0, 1] };
  if (shape.length !== 2) return { shape, axes: shape.map((_, axis) => axis) };
  const [rows, K] = shape as [number, number];
  const [H, W, C] = flattened ?? [1, 1, rows];
  return { shape: [H * W, C, K], axes: [2, 1, 0] };
}

/**
 * The values of a row-major array with its axes in another order, as in torch: axis i of the result, whose shape is
 * `shape[axes[i]]`, is axis `axes[i]` of the values.
 */
export function permute(
  values: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array<ArrayBuffer> {
  const strides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, extent) => product * extent, 1),
  );
  const result = new Float32Array(values.length);
  const extents = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const at = extents.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < extents[axis]!) break;
      from -= steps[axis]! * extents[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}

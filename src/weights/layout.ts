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
  const result = new Float32Array(values.length);
  forEachPair(variable, (ours, theirs) => {
    result[theirs] = values[ours]!;
  });
  return result;
}

/** Reorders values from a file's layout into ours. */
export function fromFile(variable: Variable, values: Float32Array): Float32Array {
  const result = new Float32Array(values.length);
  forEachPair(variable, (ours, theirs) => {
    result[ours] = values[theirs]!;
  });
  return result;
}

function forEachPair(variable: Variable, visit: (ours: number, theirs: number) => void): void {
  const { shape } = variable.tensor;
  if (shape.length === 4) {
    const [R, S, C, K] = shape as [number, number, number, number];
    let ours = 0;
    for (let r = 0; r < R; r++) {
      for (let s = 0; s < S; s++) {
        for (let c = 0; c < C; c++) {
          for (let k = 0; k < K; k++) visit(ours++, ((k * C + c) * R + r) * S + s);
        }
      }
    }
  } else if (shape.length === 2) {
    const [rows, K] = shape as [number, number];
    const [H, W, C] = variable.flattened ?? [1, 1, rows];
    let ours = 0;
    for (let hw = 0; hw < H * W; hw++) {
      for (let c = 0; c < C; c++) {
        for (let k = 0; k < K; k++) visit(ours++, k * rows + c * H * W + hw);
      }
    }
  } else {
    const length = shape.reduce((product, extent) => product * extent, 1);
    for (let i = 0; i < length; i++) visit(i, i);
  }
}

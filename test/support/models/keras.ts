import type { WeightsSource } from "../../../src/weights/source.ts";

/** The input of the models in fixtures/keras, as described in the README there. */
export const kerasImages = (shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7919) % 1013) / 506.5 - 1);

export interface KerasExpected {
  readonly shape: [N: number, H: number, W: number, C: number];
  readonly output: number[];
}

export type KerasFiles = Map<string, WeightsSource>;

/** Softmax of rows of K numbers. */
export function softmaxRows(logits: ArrayLike<number>, K: number): Float32Array {
  const all = Float32Array.from(logits);
  for (let row = 0; row < all.length; row += K) {
    const values = all.subarray(row, row + K);
    const largest = Math.max(...values);
    const sum = values.reduce((total, v) => total + Math.exp(v - largest), 0);
    values.forEach((v, i) => {
      values[i] = Math.exp(v - largest) / sum;
    });
  }
  return all;
}

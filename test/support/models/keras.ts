import type { WeightsSource } from "../../../src/weights/source.ts";
import type { BatchShape } from "../networks/row.ts";

/** The input of the models in fixtures/keras, as described in the README there. */
export const kerasImages = (shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7919) % 1013) / 506.5 - 1);

/**
 * The input of those that Keras 3 has written: bytes by Park and Miller's generator, each for a square of so many pixels.
 */
export function kerasPixels([N, H, W, C]: BatchShape, size = 8): Float32Array<ArrayBuffer> {
  let state = 12345;
  const squares = Array.from({ length: (N * H * W * C) / size ** 2 }, () => {
    state = (state * 48271) % 2147483647;
    return state % 256;
  });
  return Float32Array.from({ length: N * H * W * C }, (_, i) => {
    const [row, x, c] = [Math.floor(i / (W * C)), Math.floor(i / C) % W, i % C];
    const line = Math.floor(row / H) * (H / size) + Math.floor((row % H) / size);
    return squares[(line * (W / size) + Math.floor(x / size)) * C + c]!;
  });
}

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

import { Random } from "../../../src/base/random.ts";

/** Images of normally distributed numbers, the same every time for a shape. */
export function someImages(shape: readonly number[]): Float32Array<ArrayBuffer> {
  const random = new Random(11, "images");
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
}

/** The largest difference, relative to the largest value expected. NaN if any value is NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  const values = Array.from(expected);
  const scale = Math.max(...values.map(Math.abs));
  return values.reduce((worst, v, i) => Math.max(worst, Math.abs(actual[i]! - v)), 0) / scale;
}

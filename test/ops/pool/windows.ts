import type { Pool2d } from "../../../src/ops/pool/pool.ts";

export function pool(
  kernel: Pool2d["kernel"],
  stride: Pool2d["stride"],
  padding: Pool2d["padding"] = [0, 0, 0, 0],
): Pool2d {
  return { kernel, stride, padding };
}

/** Cases for both max and average pooling. */
export const WINDOWS: readonly { shape: readonly number[]; attrs: Pool2d }[] = [
  { shape: [2, 6, 8, 4], attrs: pool([2, 2], [2, 2]) },
  { shape: [1, 11, 7, 5], attrs: pool([3, 3], [2, 2], [1, 1, 1, 1]) },
  { shape: [2, 9, 6, 7], attrs: pool([3, 2], [2, 2], [2, 1, 0, 1]) },
  { shape: [2, 5, 10, 9], attrs: pool([2, 3], [2, 2], [0, 1, 1, 2]) },
  { shape: [3, 7, 13, 6], attrs: pool([3, 2], [1, 1], [2, 0, 1, 0]) },
  { shape: [2, 5, 5, 1], attrs: pool([2, 3], [3, 2], [0, 1, 1, 2]) },
  { shape: [1, 3, 4, 9], attrs: pool([3, 4], [1, 1]) },
  { shape: [1, 17, 19, 3], attrs: pool([15, 17], [1, 2], [7, 7, 8, 8]) },
];

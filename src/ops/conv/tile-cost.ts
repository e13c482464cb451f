/**
 * What a matrix product by register tiles would take on a GPU, for the choice among kernels where nothing was measured.
 * The unit is the time of a multiply-add at the GPU's peak, as if it did one at a time.
 */

import type { Capabilities } from "../../kernel/capabilities.ts";
import type { Product, TileKernel } from "./register-tiles.ts";

/** A launch more: some microseconds of a GPU that does 20 TFLOP/s. */
export const LAUNCHED = 5e7;

/**
 * A multiply-add of a sum, by the tile of a kernel that shares through workgroup memory and the group of its invocations:
 * one over the share of the peak that the compilers of AMD and NVIDIA leave (`npm run gpu:lab`), and more for small blocks,
 * which load more.
 */
const SHARED: Readonly<Record<string, number>> = {
  "8x8_workgroup_16x8": 1.13,
  "8x8_workgroup_8x8": 1.16,
  "4x8_workgroup_16x8": 1.24,
  "4x4_workgroup_16x16": 1.34,
  "4x4_workgroup_8x8": 1.5,
  "4x4_workgroup_32x4": 1.6,
};
/** And of one whose invocations load alone, whose neighbours read lines far from each other. */
const ALONE = 4;

/** What is known of GPUs by their vendor. */
interface GpuKind {
  /** Invocations that fill the largest. */
  readonly full: number;
  /** Multiply-adds in whose time a number is read from memory or written: twice the operations to a byte. */
  readonly moved: number;
  /** Times as much for tiles of so many sums, whose registers an invocation does not have. */
  readonly spilled: Readonly<Record<number, number>>;
}

const UNKNOWN: GpuKind = { full: 32768, moved: 80, spilled: {} };
const KINDS: Readonly<Record<string, GpuKind>> = {
  // llama.cpp measured tiles of 16 sums at 1.35 times the speed of those of 64, over GPUs of which one is an M2.
  apple: { full: 8192, moved: 70, spilled: { 64: 1.35 } },
  qualcomm: { full: 4096, moved: 60, spilled: { 64: 1.35 } },
  arm: { full: 4096, moved: 20, spilled: { 32: 1.35, 64: 2 } },
  // By its compiler: in subgroups of 16 each tile spills, 42 to 268 times in its inner loop, and half of its lanes wait.
  intel: { full: 8192, moved: 20, spilled: { 32: 2, 64: 4 } },
};
/** In subgroups of 8 only the largest tiles spill. */
const INTEL_NARROW: GpuKind = { full: 8192, moved: 30, spilled: { 64: 4 } };

function kindOf({ vendor, subgroupSize }: Capabilities): GpuKind {
  if (vendor === "intel" && subgroupSize) return INTEL_NARROW;
  return (vendor && KINDS[vendor]) || UNKNOWN;
}

/** Invocations worth another pass or a smaller tile on a GPU of this vendor. */
export const enoughOn = (device: Capabilities): number => kindOf(device).full;

/** Whether an invocation lacks the registers for a tile of so many sums on a GPU of this vendor. */
export const spillsOn = (device: Capabilities, sums: number): boolean => sums in kindOf(device).spilled;

/** So many numbers read or written. */
export const costOfMoving = (numbers: number, device: Capabilities): number => kindOf(device).moved * numbers;

/** A product by `tiles` invocations for each of `splits` parts of its depth. */
export function costOf(
  kernel: TileKernel,
  { slices, rows, columns, depth }: Product,
  tiles: number,
  splits: number,
  device: Capabilities,
): number {
  const { full, spilled } = kindOf(device);
  const size = kernel.numbers.TILE_ROWS * kernel.numbers.TILE_COLUMNS;
  const shared = kernel.slots.share === "workgroup";
  const sum = (shared ? SHARED[kernel.variant]! : ALONE) * (spilled[size] ?? 1);
  // As long as one invocation takes on a full GPU, or on one that is not; how large it is nobody says, so both count.
  const sums = sum * size * (depth / splits) * Math.hypot(tiles * splits, full);
  if (splits === 1) return sums;
  // The partial sums are written, read and written as one.
  return sums + costOfMoving((2 * splits + 1) * slices * rows * columns, device) + LAUNCHED;
}

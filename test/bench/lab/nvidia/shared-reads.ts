/**
 * How long an NVIDIA GPU reads workgroup memory for a panel, computed from the indices in the text: nothing is compiled.
 * A wavefront of that memory is a cycle in which a multiprocessor reads at most one 4-byte word of each of 32 banks, so
 * of vec4s those that lie in different ones of eight places.
 */
import type { Kernel } from "../../../../src/kernel/kernel.ts";
import type { PanelNumbers } from "../kernels.ts";
import { type Value, WgslArithmetic } from "../wgsl.ts";

const WARP = 32;
/** vec4s next to each other that lie in different banks. */
const PLACES = 8;
/** Warps whose multiply-adds a multiprocessor issues in a cycle. */
const ISSUES = 4;

/** Wavefronts over the cycles in which the multiply-adds are issued. */
export interface SharedReads {
  /** If all lanes of a warp that want the same vec4 get it at once: no fewer are possible. */
  readonly wavefronts: number;
  /**
   * If halves of a warp are served one after the other, and quarters too, unless lanes n and n ^ 1 read the same all
   * over, or n and n ^ 2: https://forums.developer.nvidia.com/t/unexpected-shared-memory-bank-conflict/77228.
   */
  readonly wavefrontsByHalves: number;
}

export function sharedReads(kernel: Kernel, numbers: PanelNumbers): SharedReads {
  const threads = kernel.workgroupSize[0];
  const lanes = lanesOf(kernel, numbers, threads);
  let whole = 0;
  let byHalves = 0;
  for (let warp = 0; warp < threads; warp += WARP) {
    for (let read = 0; read < lanes[0]!.length; read++) {
      const vectors = lanes.slice(warp, warp + WARP).map((one) => one[read]!);
      whole += wavefronts(vectors);
      byHalves += wavefrontsOfHalf(vectors.slice(0, WARP / 2)) + wavefrontsOfHalf(vectors.slice(WARP / 2));
    }
  }
  const fmas = numbers.TILE_ROWS * numbers.TILE_COLUMNS * 4 * numbers.PANEL;
  const cycles = (Math.ceil(threads / WARP) * fmas) / ISSUES;
  return { wavefronts: whole / cycles, wavefrontsByHalves: byHalves / cycles };
}

function wavefrontsOfHalf(vectors: readonly number[]): number {
  const together = [1, 2].some((bit) => vectors.every((vector, lane) => vector === vectors[lane ^ bit]));
  const quarter = vectors.length / 2;
  return together
    ? wavefronts(vectors)
    : wavefronts(vectors.slice(0, quarter)) + wavefronts(vectors.slice(quarter));
}

/** Most different vec4s in one place of the banks. */
export function wavefronts(vectors: readonly number[]): number {
  const counts = new Array<number>(PLACES).fill(0);
  for (const vector of new Set(vectors)) counts[vector % PLACES]!++;
  return Math.max(...counts);
}

/** The vec4s that each invocation reads, in order, by their numbers in an array. */
function lanesOf({ wgsl }: Kernel, numbers: PanelNumbers, threads: number): number[][] {
  let reads: number[] = [];
  const shader = new WgslArithmetic(wgsl, (array, indices) => {
    const at = indices.at(-1);
    if (typeof at !== "number") throw new Error(`an index of ${array} cannot be computed`);
    reads.push(at);
  });
  const stride = shader.constant("COLUMN_STRIDE");
  return Array.from({ length: threads }, (_, local) => {
    reads = [];
    const origin = shader.call("tile_origin", 0, local, 1, 1) as { readonly column: Value };
    const column = origin.column as number; // of the first workgroup, so also its number in the panel
    for (let step = 0; step < numbers.PANEL; step++) {
      for (let i = 0; i < numbers.TILE_ROWS / 4; i++) {
        shader.call("operand_rows", shader.call("operand_place", undefined, i, undefined), step);
      }
      for (let i = 0; i < numbers.TILE_COLUMNS / 4; i++) {
        shader.call("operand_columns", step, column + i * stride);
      }
    }
    return reads;
  });
}

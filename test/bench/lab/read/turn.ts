/**
 * The loop over the depth in a listing of instructions. One *turn* of it is a panel: its loads, its stores to workgroup
 * memory and all its multiply-adds. Those may be a loop of their own inside, unrolled or not.
 */
import type { PanelNumbers } from "../kernels.ts";

/** Numbers of instructions by kind. */
export interface Counts {
  /** Multiply-adds. */
  readonly fma: number;
  /** Stores to workgroup memory. */
  readonly stores: number;
}

/** Instructions, or blocks of such, from `begin` to before `end`, that are repeated. */
export interface Loop<C extends Counts> {
  readonly begin: number;
  readonly end: number;
  readonly counts: C;
}

/** Multiply-adds of one invocation for one block of depth. */
const fmasOfBlock = ({ TILE_ROWS, TILE_COLUMNS }: PanelNumbers): number => TILE_ROWS * TILE_COLUMNS * 4;

/**
 * Counts of one turn: of the smallest loop with multiply-adds and stores to workgroup memory. A loop inside it with
 * multiply-adds is that over the blocks of the panel, and counts as often as its blocks are in a panel; shorter ones
 * beside it are what unrolling leaves over, and do not count. Compilers split some multiply-adds into products and sums,
 * so blocks are told from them by rounding. `whole` is for a listing without loops.
 */
export function turnOf<C extends Counts>(loops: readonly Loop<C>[], whole: C, numbers: PanelNumbers): C {
  const summing = loops
    .filter(({ counts }) => counts.fma > 0)
    .sort((a, b) => a.end - a.begin - (b.end - b.begin));
  const turn = summing.find(({ counts }) => counts.stores > 0);
  if (!turn) return summing.at(-1)?.counts ?? whole;
  const inside = summing.filter((loop) => loop !== turn && loop.begin >= turn.begin && loop.end <= turn.end);
  const sums = inside.sort((a, b) => b.counts.fma - a.counts.fma)[0];
  if (!sums) return turn.counts;
  const once = inside.reduce((counts, loop) => plus(counts, loop.counts, -1), turn.counts);
  const blocks = (fmas: number): number => Math.round(fmas / fmasOfBlock(numbers));
  const times = (numbers.PANEL - blocks(once.fma)) / Math.max(1, blocks(sums.counts.fma));
  return plus(once, sums.counts, Math.max(1, Math.round(times)));
}

function plus<C extends Counts>(counts: C, more: C, times: number): C {
  const by = more as unknown as Readonly<Record<string, number>>;
  return Object.fromEntries(Object.entries(counts).map(([kind, n]) => [kind, n + times * by[kind]!])) as C;
}

/** Whether a turn has the multiply-adds of whole panels, a quarter more or less: else it was misread. */
export function isWhole({ fma }: Counts, numbers: PanelNumbers): boolean {
  const panel = numbers.PANEL * fmasOfBlock(numbers);
  return Math.abs(fma - Math.max(1, Math.round(fma / panel)) * panel) <= panel / 4;
}

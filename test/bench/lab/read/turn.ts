/**
 * The loop over the depth in a listing of instructions. One *turn* of it is a panel: its loads, its stores to workgroup
 * memory and all its multiply-adds. Those may be a loop of their own inside, unrolled or not. Of a kernel that shares nothing
 * it is one pass through the innermost loop.
 */

/** What an invocation does in one turn. */
export interface TurnWork {
  /** Multiply-adds of a block. */
  readonly block: number;
  /** Blocks of a turn: those of a panel, or one. */
  readonly blocks: number;
  /** Only of a kernel that shares nothing: vec4s of its output, or of dy for a gradient of weights. */
  readonly outputs?: number;
}

/** Numbers of instructions by kind. */
export interface Counts {
  /** Multiply-adds. */
  readonly fma: number;
  /** Products that other instructions add. */
  readonly products: number;
  /** Stores to workgroup memory. */
  readonly stores: number;
}

/** Instructions, or blocks of such, from `begin` to before `end`, that are repeated. */
export interface Loop<C extends Counts> {
  readonly begin: number;
  readonly end: number;
  readonly counts: C;
}

/**
 * Counts of one turn: of the smallest loop with multiply-adds and stores to workgroup memory. A loop inside it with
 * multiply-adds is that over the blocks of the panel, and counts as often as its blocks are in a panel; shorter ones
 * beside it are what unrolling leaves over, and do not count. Compilers split some multiply-adds into products and sums,
 * so blocks are told from them by rounding. `whole` is for a listing without loops.
 */
export function turnOf<C extends Counts>(loops: readonly Loop<C>[], whole: C, work: TurnWork): C {
  const summing = loops
    .filter(({ counts }) => counts.fma > 0)
    .sort((a, b) => a.end - a.begin - (b.end - b.begin));
  if (work.outputs) return withProducts(summing[0]?.counts ?? whole);
  const turn = summing.find(({ counts }) => counts.stores > 0);
  if (!turn) return summing.at(-1)?.counts ?? whole;
  const inside = summing.filter((loop) => loop !== turn && loop.begin >= turn.begin && loop.end <= turn.end);
  const sums = inside.sort((a, b) => b.counts.fma - a.counts.fma)[0];
  if (!sums) return turn.counts;
  const once = inside.reduce((counts, loop) => plus(counts, loop.counts, -1), turn.counts);
  const blocks = (fmas: number): number => Math.round(fmas / work.block);
  const times = (work.blocks - blocks(once.fma)) / Math.max(1, blocks(sums.counts.fma));
  return plus(once, sums.counts, Math.max(1, Math.round(times)));
}

function plus<C extends Counts>(counts: C, more: C, times: number): C {
  const by = more as unknown as Readonly<Record<string, number>>;
  return Object.fromEntries(Object.entries(counts).map(([kind, n]) => [kind, n + times * by[kind]!])) as C;
}

/** The first product of a sum is added by none, so that here all count as multiply-adds, however they are added. */
const withProducts = <C extends Counts>(counts: C): C => ({
  ...counts,
  fma: counts.fma + counts.products,
});

/** For each vec4 of output, of which a turn makes as many as its multiply-adds are for. */
export const anOutput = (number: number, { fma }: Counts, { block, blocks, outputs }: TurnWork): number =>
  (number * block * blocks) / fma / outputs!;

/**
 * Whether a turn has the multiply-adds of whole panels, a quarter more or less: else it was misread. Where nothing is shared,
 * some are there twice, on both sides of a branch.
 */
export function isWhole({ fma }: Counts, { block, blocks, outputs }: TurnWork): boolean {
  const panel = blocks * block;
  if (outputs) return fma >= 0.75 * panel && fma <= 2 * panel;
  return Math.abs(fma - Math.max(1, Math.round(fma / panel)) * panel) <= panel / 4;
}

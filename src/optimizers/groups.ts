import { ShapeError } from "../base/errors.ts";
import { matchesPattern } from "../base/pattern.ts";
import { SLICE_ALIGNMENT, type Variable } from "../graph/graph.ts";
import { pad4, type Storage, storedLength } from "../graph/tensor.ts";

/** Options for some of the parameters. */
export interface ParameterGroup {
  /** Matches names of parameters: a predicate, a regular expression, or a pattern in which `*` stands for any text. */
  readonly match: string | RegExp | ((name: string) => boolean);
  /** Multiplies the learning rate. Default 1. */
  readonly lrScale?: number;
  /** Default: the optimizer's. */
  readonly weightDecay?: number;
}

/** Weight decay, and which parameters are treated apart. */
export interface GroupOptions {
  /** Default 0. */
  readonly weightDecay?: number;
  /** Whether weight decay applies to biases and batch norm too, as by default in torch. Default false. */
  readonly decayAll?: boolean;
  /** A parameter belongs to the first group that matches it. */
  readonly groups?: readonly ParameterGroup[];
}

function matches({ match }: ParameterGroup, name: string): boolean {
  if (typeof match === "function") return match(name);
  // `search` ignores the position that sticky and global expressions remember.
  if (match instanceof RegExp) return name.search(match) >= 0;
  return matchesPattern(match, name);
}

/** Throws ShapeError for a group that matches no parameter, frozen or not: most likely a typo. */
export function checkGroups(
  optimizer: string,
  { groups = [] }: GroupOptions,
  parameters: readonly Variable[],
): void {
  for (const group of groups) {
    if (!parameters.some(({ name }) => matches(group, name))) {
      throw new ShapeError(optimizer, "a group matches no parameter", String(group.match));
    }
  }
}

/**
 * (Scale of the learning rate, weight decay) for each block of SLICE_ALIGNMENT floats of an arena, for the update
 * kernels in `shaders/optimizer`. Both are 0 outside of `trained`, the parameters with a gradient, so that others stay.
 */
export function groupTable(
  arena: Storage,
  trained: readonly Variable[],
  { groups = [], weightDecay = 0, decayAll = false }: GroupOptions,
): Float32Array {
  const table = new Float32Array(pad4((2 * arena.length) / SLICE_ALIGNMENT));
  for (const { name, tensor, decay } of trained) {
    const group = groups.find((candidate) => matches(candidate, name));
    const scale = group?.lrScale ?? 1;
    const lambda = decay || decayAll ? (group?.weightDecay ?? weightDecay) : 0;
    const first = tensor.offset / SLICE_ALIGNMENT;
    const end = first + Math.ceil(storedLength(tensor.shape) / SLICE_ALIGNMENT);
    for (let block = first; block < end; block++) table.set([scale, lambda], 2 * block);
  }
  return table;
}

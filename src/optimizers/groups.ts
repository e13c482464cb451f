import { ShapeError } from "../base/errors.ts";
import { matchesPattern } from "../base/pattern.ts";
import { SLICE_ALIGNMENT, type Variable } from "../graph/graph.ts";
import { pad4, type Storage, storedLength } from "../graph/tensor.ts";

/** Parameters that train differently from the rest. */
export interface ParameterGroup {
  /** Names of parameters: a predicate, a regular expression, or a pattern in which `*` is any text. */
  readonly match: string | RegExp | ((name: string) => boolean);
  /** Factor of the learning rate. Default 1. */
  readonly lrScale?: number;
  /** Default: the optimizer's. */
  readonly weightDecay?: number;
}

export interface GroupOptions {
  /** Default 0. */
  readonly weightDecay?: number;
  /** Whether biases and batch norm decay too, as torch's optimizers do by default. Default false. */
  readonly decayAll?: boolean;
  /** The first group that matches a parameter is its group. */
  readonly groups?: readonly ParameterGroup[];
}

function matches({ match }: ParameterGroup, name: string): boolean {
  if (typeof match === "function") return match(name);
  // A sticky or global expression remembers where it stopped; `search` does not.
  if (match instanceof RegExp) return name.search(match) >= 0;
  return matchesPattern(match, name);
}

/** Throws ShapeError for a group that matches no parameter, frozen or not: most likely a misspelt name. */
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
 * (Scale of the learning rate, weight decay) for each block of SLICE_ALIGNMENT floats of an arena, as
 * `shaders/optimizer/sgd.wgsl` and `shaders/optimizer/adam.wgsl` read it. Both are 0 but for `trained`, the parameters
 * where a gradient arrives, so that the others stay as they are.
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

import { type Backward, type DifferentiateOptions, differentiate, type Seed } from "../graph/autodiff.ts";
import type { Fusion } from "../graph/fusion.ts";
import type { Graph } from "../graph/graph.ts";
import { type ForwardOptions, type ForwardProgram, lowerForward } from "../graph/lower.ts";
import { fusionsFor } from "./fusions.ts";
import { gradients } from "./gradients.ts";

/** How a graph becomes launches. */
export type ProgramOptions = ForwardOptions & Pick<DifferentiateOptions, "memory">;

export type LowerOptions = ProgramOptions & {
  /** Default those that pay on the graph's device. */
  readonly fusions?: readonly Fusion[];
};

/** The launches of a graph, forward passes and then gradients, and which tensors are gradients. */
export interface Program extends ForwardProgram, Backward {}

/** Lowers a graph to the launches of its forward passes and of the gradients that start at `seeds`. */
export function lower(
  graph: Graph,
  seeds: readonly Seed[] = [],
  { fuse = true, fusions = fusionsFor(graph), ...options }: LowerOptions = {},
): Program {
  const starts = seeds.map(([output]) => output);
  const forward = lowerForward(graph, { fuse }, starts, fusions);
  const backward = differentiate(graph, forward.nodes, seeds, gradients, options);
  return { ...backward, ...forward, dispatches: [...forward.dispatches, ...backward.dispatches] };
}

import { type Backward, type DifferentiateOptions, differentiate, type Seed } from "./autodiff.ts";
import { fuse as fused } from "./fusion.ts";
import type { Graph } from "./graph.ts";
import { emitForward } from "./launches.ts";
import type { OpNode } from "./op.ts";

export interface ProgramOptions extends Pick<DifferentiateOptions, "memory"> {
  /** Whether nodes are fused where one op can compute both. Default true; if false, each layer runs as written. */
  readonly fuse?: boolean;
}

/** The launches of a graph, forward passes and then gradients, and which tensors are gradients. */
export interface Program extends Backward {
  readonly graph: Graph;
  /** The nodes of the graph, fused. */
  readonly nodes: readonly OpNode[];
}

/** Lowers a graph to the launches of its forward passes and of the gradients that start at `seeds`. */
export function lower(
  graph: Graph,
  seeds: readonly Seed[] = [],
  { fuse = true, ...options }: ProgramOptions = {},
): Program {
  const starts = seeds.map(([output]) => output);
  const nodes = fuse ? fused(graph, starts) : graph.nodes;
  const forward = emitForward(graph, nodes);
  const backward = differentiate(graph, nodes, seeds, options);
  return { ...backward, graph, nodes, dispatches: [...forward, ...backward.dispatches] };
}

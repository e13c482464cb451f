import { type Fusion, fuse as fused } from "./fusion.ts";
import type { Graph } from "./graph.ts";
import { emitForward } from "./launches.ts";
import type { Dispatch, OpNode } from "./op.ts";
import type { Tensor } from "./tensor.ts";

export interface ForwardOptions {
  /**
   * Whether nodes are fused where one op can compute both and, in training on a GPU, do a part of each other's work where
   * that spares memory traffic. Default true; if false, each layer runs as written.
   */
  readonly fuse?: boolean;
}

/** The launches of a graph's forward passes. */
export interface ForwardProgram {
  readonly graph: Graph;
  /** The nodes of the graph, fused. */
  readonly nodes: readonly OpNode[];
  readonly dispatches: readonly Dispatch[];
}

/**
 * Lowers a graph to the launches of its forward passes, with `fusions` where it fuses at all. Besides outputs, `kept`
 * tensors are not fused away.
 */
export function lowerForward(
  graph: Graph,
  { fuse = true }: ForwardOptions = {},
  kept: readonly Tensor[] = [],
  fusions: readonly Fusion[] = [],
): ForwardProgram {
  const nodes = fuse ? fused(graph, kept, fusions) : graph.nodes;
  return { graph, nodes, dispatches: emitForward(graph, nodes) };
}

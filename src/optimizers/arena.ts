import type { Gradients } from "../graph/autodiff.ts";
import type { Graph, Variable } from "../graph/graph.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";

/** A whole arena as one vector. */
export const wholeArena = (graph: Graph, storage: Storage): Tensor => ({
  graph,
  name: storage.name,
  shape: [storage.length],
  storage,
  offset: 0,
  requiresGrad: false,
});

/** The parameters of an arena that have a gradient. */
export const trainedParameters = (
  { parameters }: Graph,
  { gradients }: Gradients,
  arena: Storage,
): readonly Variable[] =>
  parameters.filter(({ tensor }) => tensor.storage === arena && gradients.has(tensor));

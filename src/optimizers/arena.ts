import type { Graph } from "../graph/graph.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";

/** All of an arena as one vector. */
export const wholeArena = (graph: Graph, storage: Storage): Tensor => ({
  graph,
  name: storage.name,
  shape: [storage.length],
  storage,
  offset: 0,
  requiresGrad: false,
});

export { Program } from "./graph/autodiff.ts";
export { Graph } from "./graph/graph.ts";

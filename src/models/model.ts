import { Graph, type Variable } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

/** A classifier of images, as a description: it builds itself into a graph of any batch size and mode. */
export interface Model {
  readonly name: string;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** The options that it was made with, defaults included; with the name they make it again. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Logits (N, classes) of images x (N, H, W, C). Throws ShapeError where x does not fit. */
  build(x: Tensor): Tensor;
}

/** Options that every topology takes. */
export interface ModelOptions {
  readonly inputShape?: readonly [height: number, width: number, channels: number];
  readonly classes?: number;
}

/** The graph of one image, in which nothing runs. */
export function inspect(model: Model, frozen: (name: string) => boolean = () => false): Graph {
  const graph = new Graph({ mode: "eval", frozen });
  graph.output("logits", model.build(graph.input("images", [1, ...model.inputShape])));
  return graph;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** How many numbers the variables hold, without padding. */
export const countNumbers = (variables: readonly Variable[]): number =>
  variables.reduce((sum, { tensor }) => sum + product(tensor.shape), 0);

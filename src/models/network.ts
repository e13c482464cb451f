import type { Graph } from "../graph/graph.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import type { Model } from "./model.ts";

/** Values of one example: their shape, f32, or with a type. Whole numbers, such as labels, are i32. */
export type TargetSpec =
  | readonly number[]
  | { readonly shape: readonly number[]; readonly dtype: "f32" | "i32" };

/**
 * The description of any network, with inputs and outputs by name, which builds itself into a graph of any batch size
 * and mode. A classifier of images is a `Model`, which needs no names.
 *
 *     const price: Network = {
 *       name: "price",
 *       inputs: { photo: [32, 32, 3], facts: [7] },
 *       targets: { price: [1] },
 *       build({ photo, facts }) { … return { price: dense(x, "price", { outFeatures: 1 }) }; },
 *     };
 */
export interface Network {
  readonly name: string;
  /** The shape of one example of each input, which is f32: (H, W, C), or (C). */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** What the loss compares outputs with. Their names differ from those of inputs. Default nothing. */
  readonly targets?: Readonly<Record<string, TargetSpec>>;
  /** Patterns of the names of parameters that do not train; a trainer's `frozen` adds to them. */
  readonly frozen?: readonly string[];
  /** Outputs of inputs (N, …), all by name. Throws ShapeError if they do not fit. */
  build(inputs: Named): Named;
}

/** Tensors by the names of a network's inputs, outputs or targets. */
export type Named = Readonly<Record<string, Tensor>>;

/** What can be trained. */
export type AnyNetwork = Model | Network;

export const isClassifier = (network: AnyNetwork): network is Model => !("inputs" in network);

/** The inputs of a network, a classifier's among them: the shape of one example by name. */
export const inputsOf = (network: AnyNetwork): Network["inputs"] =>
  isClassifier(network) ? { images: network.inputShape } : network.inputs;

/** The outputs by name of a network's inputs; a classifier's are logits. */
export const buildOutputs = (network: AnyNetwork, inputs: Named): Named =>
  isClassifier(network) ? { logits: network.build(inputs.images!) } : network.build(inputs);

/** Declares a network's inputs for `size` examples and builds its outputs. */
export function buildIn(graph: Graph, network: AnyNetwork, size: number, dtype: DType = "f32"): Named {
  const inputs = Object.entries(inputsOf(network)).map(
    ([name, shape]) => [name, graph.input(name, [size, ...shape], dtype)] as const,
  );
  return buildOutputs(network, Object.fromEntries(inputs));
}

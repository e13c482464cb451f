import { ShapeError } from "../base/errors.ts";
import { matchesPattern } from "../base/pattern.ts";
import { Graph, type Variable } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cast, sigmoid, softmax } from "../layers/index.ts";
import { freeze } from "./freeze.ts";
import { type AnyNetwork, buildIn } from "./network.ts";
import type { Preprocessing } from "./preprocessing.ts";

/** The description of an image classifier, which builds itself into a graph of any batch size and mode. */
export interface Model {
  readonly name: string;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** The options it was made with, defaults included; with the name they make the same model again, but for `multiLabel`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Patterns of the names of parameters that do not train; a trainer's `frozen` adds to them. */
  readonly frozen?: readonly string[];
  /** The preprocessing that its pretrained weights expect. */
  readonly preprocessing?: Preprocessing;
  /**
   * The published networks in the model, by the prefix of their parameters: with `{ "resnet.": "resnet50" }`,
   * torchvision's `layer1.0.conv1.weight` is `resnet.layer1.0.conv1.weight` here.
   */
  readonly backbones?: Readonly<Record<string, string>>;
  /**
   * What makes probabilities of the logits: `softmax` of classes that exclude each other, or `sigmoid` of labels that do
   * not (`multiLabel`). Default softmax.
   */
  readonly classifierActivation?: "softmax" | "sigmoid";
  /** What training minimises unless a trainer is given a loss. Default cross-entropy. */
  readonly loss?: (logits: Tensor, labels: Tensor) => Tensor;
  /** Logits (N, classes) of images x (N, H, W, C). Throws ShapeError if x does not fit. */
  build(x: Tensor): Tensor;
}

/** Options that every topology takes. */
export interface ModelOptions {
  readonly inputShape?: readonly [height: number, width: number, channels: number];
  readonly classes?: number;
  /** Patterns of the names of parameters that do not train, as `freeze` takes them. */
  readonly frozen?: readonly string[];
  readonly preprocessing?: Preprocessing;
}

/** Those options, if given, that models only pass on. */
export const carried = ({
  frozen,
  preprocessing,
}: ModelOptions): Pick<ModelOptions, "frozen" | "preprocessing"> => ({
  ...(frozen && { frozen }),
  ...(preprocessing && { preprocessing }),
});

/** Whether the classes do not exclude each other. */
export const hasManyLabels = ({ classifierActivation }: Model): boolean => classifierActivation === "sigmoid";

/** The probabilities (N, classes) of a model's logits, in f32 in any precision. */
export const probabilitiesOf = (model: Model, logits: Tensor): Tensor =>
  hasManyLabels(model) ? sigmoid(cast(logits, "f32")) : softmax(logits);

/** Which parameters do not train: the model's own frozen ones and those that `frozen` matches. */
export function frozenIn(model: AnyNetwork, frozen?: (name: string) => boolean): (name: string) => boolean {
  const own = freeze(...(model.frozen ?? []));
  return (name) => own(name) || frozen?.(name) === true;
}

/** More than any device can bind. */
const MAX_PARAMETER_BYTES = 2 ** 32;

/**
 * The model's graph for one image or other example, to look at without a GPU. Throws PlanError for parameters that no
 * device can hold.
 */
export function inspect(model: AnyNetwork, frozen?: (name: string) => boolean): Graph {
  const graph = new Graph({
    mode: "eval",
    frozen: frozenIn(model, frozen),
    maxBindingBytes: MAX_PARAMETER_BYTES,
  });
  for (const [name, tensor] of Object.entries(buildIn(graph, model, 1))) graph.output(name, tensor);
  return graph;
}

/**
 * Returns the model if it can be built for its images. Throws ShapeError otherwise, and for a pattern in `frozen` that
 * matches no parameter, most likely a typo.
 */
export function checked<M extends Model>(model: M): M {
  let graph: Graph;
  try {
    graph = inspect(model);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const images = `images (${model.inputShape.join(", ")})`;
    throw new ShapeError(model.name, `cannot be built for ${images}`, error.message);
  }
  for (const pattern of model.frozen ?? []) {
    if (!graph.parameters.some(({ name }) => matchesPattern(pattern, name))) {
      throw new ShapeError(model.name, "a frozen pattern matches no parameter", pattern);
    }
  }
  return model;
}

/** The value of an option that must be one of a few words. Throws ShapeError for any other. */
export function oneOf<T extends string>(model: string, option: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value;
  throw new ShapeError(model, `${option} must be one of ${known.join(", ")}`, String(value));
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** How many numbers variables hold, without padding. */
export const countNumbers = (variables: readonly Variable[]): number =>
  variables.reduce((sum, { tensor }) => sum + product(tensor.shape), 0);

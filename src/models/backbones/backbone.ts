import { ShapeError } from "../../base/errors.ts";
import { describe, type Tensor } from "../../graph/tensor.ts";
import { carried, checked, type Model, type ModelOptions } from "../model.ts";
import { imagenetPreprocessing, type Preprocessing } from "../preprocessing.ts";

export interface FeaturesOptions {
  /** Before the name of each parameter, with its dot: `resnet.`. Default none. */
  readonly prefix?: string;
  /** The last stage; default all of them. */
  readonly stage?: number;
  /** Whether x is an image, which goes through the stem first, or takes the place of what leaves the stem. */
  readonly stem?: boolean;
}

/**
 * A published network as a part of models: its stages with the names and shapes that torchvision gives their
 * parameters. Alone they are exactly those; within a topology they follow the prefix `resnet.` or `vgg.`.
 */
export interface Backbone {
  /** `resnet50`, `vgg16_bn`: the name of the published network, whatever variant this one is. */
  readonly name: string;
  readonly family: "resnet" | "vgg";
  /** The options that make it one of its variants, defaults included. */
  readonly variant: Readonly<Record<string, unknown>>;
  /** Whether it is made for images of about 32×32. */
  readonly small: boolean;
  readonly stages: number;
  /** Channels between stem and stage 1; undefined without a stem. */
  readonly stemChannels: number | undefined;
  /** Along each axis, how many pixels of an image are one of the map after a stage. */
  reduction(stage: number): number;
  /** The map (N, P, Q, K) after a stage, of images x (N, H, W, C). Throws ShapeError where x does not fit. */
  features(x: Tensor, options?: FeaturesOptions): Tensor;
  /** Logits (N, classes) of the map after the last stage, by the network's own head. */
  head(x: Tensor, classes: number): Tensor;
}

/** What published weights of a backbone expect of images; undefined where there are none. */
export const preprocessingOf = (
  { small }: Backbone,
  inputShape: Model["inputShape"],
): Preprocessing | undefined =>
  small || inputShape[2] !== 3 ? undefined : imagenetPreprocessing(inputShape);

/** A backbone with its own head. Throws ShapeError where it cannot be built for its images. */
export function withHead(backbone: Backbone, options: ModelOptions): Backbone & Model {
  const { small, name, variant } = backbone;
  const { inputShape = small ? [32, 32, 3] : [224, 224, 3], classes = small ? 10 : 1000 } = options;
  const preprocessing = options.preprocessing ?? preprocessingOf(backbone, inputShape);
  return checked({
    ...backbone,
    inputShape,
    classes,
    options: { inputShape, classes, ...variant, ...carried(options) },
    ...carried(options),
    ...(preprocessing && { preprocessing }),
    backbones: { "": name },
    build: (x: Tensor): Tensor => backbone.head(backbone.features(x), classes),
  });
}

/** Throws ShapeError for a stage that the backbone does not have. */
export function checkStage(name: string, stage: number, first: number, last: number): void {
  if (!Number.isInteger(stage) || stage < first || stage > last) {
    throw new ShapeError(name, `has stages ${first}…${last}`, `stage ${stage}`);
  }
}

/** Throws ShapeError unless x has the channels that leave the stem. */
export function checkStem(name: string, x: Tensor, channels: number): void {
  if (x.shape.at(-1) !== channels) {
    throw new ShapeError(name, `stage 1 expects C=${channels}`, describe(x));
  }
}

import { ShapeError } from "../../base/errors.ts";
import { describe, nhwc, type Tensor } from "../../graph/tensor.ts";
import { carried, checked, type Model, type ModelOptions } from "../model.ts";
import { imagenetPreprocessing, type Preprocessing } from "../preprocessing.ts";

/** Networks that are alike but for numbers; ResNeXt and ResNet-D are ResNets. */
export type BackboneFamily = "resnet" | "vgg" | "mobilenet" | "squeezenet";

/** How far through a backbone images go. */
export interface FeaturesOptions {
  /** Prefix of all parameter names, with its dot: `resnet.`. Default none. */
  readonly prefix?: string;
  /** The last stage. Default: the backbone's last. */
  readonly stage?: number;
  /** Whether x is an image, which goes through the stem first, or replaces the stem's output. */
  readonly stem?: boolean;
}

/**
 * A published network as a part of models. Parameters have torchvision's names and shapes (a ResNet-D's timm's), in a
 * topology behind a prefix made of the family: `resnet.`.
 */
export interface Backbone {
  /** The published network's name, such as `resnet50` or `vgg16_bn`, for all its variants. */
  readonly name: string;
  readonly family: BackboneFamily;
  /** The options of this variant, defaults included. */
  readonly variant: Readonly<Record<string, unknown>>;
  /** Whether it is for images of about 32×32. */
  readonly small: boolean;
  readonly stages: number;
  /** Channels between stem and stage 1; undefined without a stem. */
  readonly stemChannels: number | undefined;
  /** The least height and width of images for a stage. */
  minSize(stage: number): number;
  /** How many pixels of an image, along each axis, become one pixel of the map after a stage. */
  reduction(stage: number): number;
  /** The map (N, P, Q, K) after a stage, for images x (N, H, W, C). Throws ShapeError if x does not fit. */
  features(x: Tensor, options?: FeaturesOptions): Tensor;
  /** Logits (N, classes) of the map after the last stage, by the network's own head. */
  head(x: Tensor, classes: number): Tensor;
}

/** The preprocessing that a backbone's published weights expect; undefined if there are none. */
export const preprocessingOf = (
  { small }: Backbone,
  inputShape: Model["inputShape"],
): Preprocessing | undefined =>
  small || inputShape[2] !== 3 ? undefined : imagenetPreprocessing(inputShape);

/** A backbone with its own head. Throws ShapeError if it cannot be built for its images. */
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

/** Throws ShapeError if a backbone without a stem is told to replace it, or images are too small for a stage. */
export function checkImages(
  { name, minSize }: Pick<Backbone, "name" | "minSize">,
  x: Tensor,
  stage: number,
  stem: boolean,
): void {
  if (!stem) throw new ShapeError(name, "has no stem to replace", describe(x));
  const [, H, W] = nhwc(name, x);
  const least = minSize(stage);
  if (Math.min(H, W) >= least) return;
  throw new ShapeError(name, `${stage} stages need images of at least ${least}×${least}`, describe(x));
}

/** Throws ShapeError unless x has as many channels as the stem's output. */
export function checkStem(name: string, x: Tensor, channels: number): void {
  if (x.shape.at(-1) !== channels) {
    throw new ShapeError(name, `stage 1 expects C=${channels}`, describe(x));
  }
}

import { ShapeError } from "../../base/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { conv2d, dense, flatten, globalAvgPool, maxPool2d } from "../../layers/index.ts";
import { preprocessingOf } from "../backbones/backbone.ts";
import { type BackboneLike, createBackbone, defaultResnet } from "../backbones/backbones.ts";
import { bridge } from "../blocks.ts";
import { carried, checked, type Model, type ModelOptions, oneOf } from "../model.ts";

/** Options of `sequential`. */
export interface SequentialOptions extends ModelOptions {
  /** Default: ResNet-50, or ResNet-20 if height or width is below 64. */
  readonly backbone?: BackboneLike;
  /**
   * Where the ConvNet's map enters the backbone: `stage` (the default), in place of its stem, so that stage 1 follows;
   * `image`, as an image of `imageChannels` made by a 1×1 convolution, so that the whole backbone follows.
   */
  readonly join?: "stage" | "image";
  /** Channels of the image that `join: "image"` makes. Default 3. */
  readonly imageChannels?: number;
  /** What precedes the dense layer. Default: `flatten` for images up to 28×28, `gap` (global average pool) above. */
  readonly head?: "flatten" | "gap";
  /** Channels to which a 1×1 convolution reduces the map between the parts. Default: no reduction. */
  readonly reduce?: number;
  /** Channels of the two convolutions. Default: half the stem's and the stem's; without a stem 32 and 64. */
  readonly widths?: readonly [number, number];
}

/**
 * A ConvNet, then a (pretrained) ResNet: conv 3×3 – ReLU – max-pool 2 – conv 3×3 – ReLU – max-pool 2, all without
 * padding; then the backbone without its top, and a dense layer. 224×224×3 and 10 classes by default.
 *
 * Parameters: front.conv1, front.conv2; reduce and project (1×1 convolutions, if any); the backbone's, with the prefix
 * `resnet.`; fc. Throws ShapeError if the image is too small.
 */
export function sequential(options: SequentialOptions = {}): Model {
  const { inputShape = [224, 224, 3], classes = 10, reduce, imageChannels = 3 } = options;
  const [H, W] = inputShape;
  const backbone = createBackbone(options.backbone ?? defaultResnet(inputShape));
  const join = oneOf("sequential", "join", options.join ?? "stage", ["stage", "image"]);
  const head = oneOf("sequential", "head", options.head ?? (Math.max(H, W) <= 28 ? "flatten" : "gap"), [
    "flatten",
    "gap",
  ]);
  const { name, family, stemChannels = 64, variant } = backbone;
  if (join === "stage" && backbone.stemChannels === undefined) {
    throw new ShapeError("sequential", 'the backbone has no stem to replace; use join: "image"', name);
  }
  const widths = options.widths ?? [Math.ceil(stemChannels / 2), stemChannels];
  const prefix = `${family}.`;
  const preprocessing = options.preprocessing ?? preprocessingOf(backbone, inputShape);
  return checked({
    name: "sequential",
    inputShape,
    classes,
    options: {
      ...{ inputShape, classes, backbone: { name, ...variant }, join, head, widths, imageChannels },
      ...(reduce !== undefined && { reduce }),
      ...carried(options),
    },
    ...carried(options),
    ...(preprocessing && { preprocessing }),
    backbones: { [prefix]: name },
    build(images) {
      let x = front(images, widths);
      const stem = join === "image";
      x = bridge(x, stem ? imageChannels : stemChannels, { reduce });
      x = backbone.features(x, { prefix, stem });
      return dense(head === "flatten" ? flatten(x) : globalAvgPool(x), "fc", { outFeatures: classes });
    },
  });
}

function front(images: Tensor, widths: readonly [number, number]): Tensor {
  let x = images;
  for (const [i, outChannels] of widths.entries()) {
    x = conv2d(x, `front.conv${i + 1}`, { outChannels, kernelSize: 3, activation: "relu" });
    x = maxPool2d(x, { kernelSize: 2 });
  }
  return x;
}

import { ShapeError } from "../base/errors.ts";
import type { Padding } from "../base/window.ts";
import type { Initializer } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  activation,
  add,
  avgPool2d,
  type BatchNormOptions,
  batchNorm,
  conv2d,
  padChannels,
  torchWeight,
} from "../layers/index.ts";

/**
 * The padding of convolutions and pools: `symmetric`, the same on both sides, as in torchvision and in Keras' own
 * ResNets with their padding layers; or TensorFlow's `same`, which at stride 2 has an odd zero at the bottom and
 * right.
 */
export type Padded = "symmetric" | "same";

/** The padding that keeps a map's extents at stride 1. */
export const padding = (padded: Padded, kernelSize: number): Padding =>
  padded === "same" ? "same" : (kernelSize - 1) / 2;

/** What all blocks have: channels out, stride, norm, padding. */
export interface BlockOptions {
  readonly outChannels: number;
  /** Default 1. */
  readonly stride?: number;
  /** Options of all batch norms in the block. */
  readonly norm?: Pick<BatchNormOptions, "eps" | "momentum">;
  /** Padding of all convolutions. Default `symmetric`. */
  readonly padded?: Padded;
  /** Whether the convolutions have biases, which batch norm makes redundant. Default: only without it. */
  readonly convBias?: boolean;
  /** Initial weights of the convolutions; default torch's. */
  readonly init?: Initializer;
  /**
   * What makes x smaller for a shortcut, before its convolution, which then has stride 1; ResNet-D averages 2×2 pixels. The
   * numbers in its names are one higher, as in timm. Default: the convolution has the stride, and leaves pixels out.
   */
  readonly shrink?: (x: Tensor, stride: number) => Tensor;
}

/** A basic block: channels, stride, and whether there are norms. */
export interface BasicBlockOptions extends BlockOptions {
  /** Whether batch norm follows each convolution. Default true. */
  readonly batchNorm?: boolean;
}

/** A convolution of a block. */
function convolution(
  x: Tensor,
  name: string,
  options: BasicBlockOptions,
  outChannels: number,
  kernelSize: number,
  stride = 1,
  groups = 1,
): Tensor {
  const {
    padded = "symmetric",
    batchNorm = true,
    convBias: bias = !batchNorm,
    init = torchWeight(),
  } = options;
  return conv2d(x, name, {
    ...{ outChannels, kernelSize, stride, groups, bias, init },
    padding: padding(padded, kernelSize),
  });
}

/**
 * The basic residual block: conv 3×3 – BN – ReLU – conv 3×3 – BN, plus x, ReLU. If the shape changes, x first goes
 * through a 1×1 convolution and BN (option B of He et al.). x (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, K). Parameters
 * have torchvision's names: conv1, bn1, conv2, bn2, downsample.0, downsample.1.
 *
 * He et al., "Deep Residual Learning for Image Recognition", 2016.
 */
export const basicBlock = (x: Tensor, name: string, options: BasicBlockOptions): Tensor =>
  twoConvolutions(x, name, options, () => projection(x, `${name}.downsample`, options));

/**
 * A basic block whose shortcut has no parameters (option A of He et al.): if the shape changes, it takes every
 * `stride`-th pixel of x, with zeros in the channels that x lacks. Parameters: conv1, bn1, conv2, bn2. Throws ShapeError
 * if x has more channels than the convolutions.
 */
export const identityBlock = (x: Tensor, name: string, options: BasicBlockOptions): Tensor =>
  twoConvolutions(x, name, options, () => identity(x, options));

/** A basic block without its shortcut. Parameters: conv1, bn1, conv2, bn2. */
export const plainBlock = (x: Tensor, name: string, options: BasicBlockOptions): Tensor =>
  twoConvolutions(x, name, options);

/** Two 3×3 convolutions, the first with the stride, each with BN and ReLU; before the last ReLU the shortcut is added. */
function twoConvolutions(
  x: Tensor,
  name: string,
  options: BasicBlockOptions,
  shortcut?: () => Tensor,
): Tensor {
  const { outChannels, stride, norm, batchNorm: normalised = true } = options;
  function activated(y: Tensor, i: 1 | 2, residual?: Tensor): Tensor {
    if (normalised)
      return batchNorm(y, `${name}.bn${i}`, { ...norm, ...(residual && { residual }), activation: "relu" });
    return residual ? add(y, residual, "relu", y.name) : activation(y, "relu", y.name);
  }
  const inner = activated(convolution(x, `${name}.conv1`, options, outChannels, 3, stride), 1);
  return activated(convolution(inner, `${name}.conv2`, options, outChannels, 3), 2, shortcut?.());
}

/** A bottleneck block. */
export interface BottleneckOptions extends BlockOptions {
  /**
   * Which convolution has the stride: the 3×3 (`v1.5`, the default, as in torchvision) or the first 1×1 (`v1`, as in
   * the paper and in Keras). The weights have the same shapes but a different meaning.
   */
  readonly strideAt?: "v1.5" | "v1";
  /** Channels of the 3×3. Default K/4. */
  readonly innerChannels?: number;
  /** Groups of the 3×3, as in ResNeXt. Default 1. */
  readonly groups?: number;
}

/**
 * The bottleneck block: conv 1×1 to K/4 channels – BN – ReLU – conv 3×3 – BN – ReLU – conv 1×1 to K – BN, plus x
 * or its projection, ReLU. x (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, K). Parameters have torchvision's names:
 * conv1, bn1, conv2, bn2, conv3, bn3, downsample.0, downsample.1. Throws ShapeError unless K is a multiple of 4.
 *
 * He et al. 2016; the stride in the 3×3 is Facebook's and NVIDIA's "v1.5". In groups: Xie et al., "Aggregated Residual
 * Transformations for Deep Neural Networks", 2017.
 */
export function bottleneckBlock(x: Tensor, name: string, options: BottleneckOptions): Tensor {
  const { outChannels, stride, norm, strideAt = "v1.5", groups } = options;
  if (outChannels % 4 !== 0) {
    throw new ShapeError("bottleneckBlock", "outChannels must be a multiple of 4", `${outChannels}`);
  }
  const { innerChannels: narrow = outChannels / 4 } = options;
  const relu = { ...norm, activation: "relu" } as const;
  let y = convolution(x, `${name}.conv1`, options, narrow, 1, strideAt === "v1" ? stride : 1);
  y = batchNorm(y, `${name}.bn1`, relu);
  y = convolution(y, `${name}.conv2`, options, narrow, 3, strideAt === "v1" ? 1 : stride, groups);
  y = batchNorm(y, `${name}.bn2`, relu);
  y = convolution(y, `${name}.conv3`, options, outChannels, 1);
  const residual = projection(x, `${name}.downsample`, options);
  return batchNorm(y, `${name}.bn3`, { ...relu, residual });
}

/**
 * x itself or, if its shape must change, conv 1×1 (`name.0`) – BN (`name.1`) of it; with `shrink` `name.1` and `name.2`.
 * He et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks", 2019.
 */
function projection(x: Tensor, name: string, options: BasicBlockOptions): Tensor {
  const { outChannels, stride = 1, norm, batchNorm: normalised = true, shrink } = options;
  if (stride === 1 && x.shape.at(-1) === outChannels) return x;
  const at = shrink ? 1 : 0;
  const small = shrink && stride !== 1 ? shrink(x, stride) : x;
  const y = convolution(small, `${name}.${at}`, options, outChannels, 1, shrink ? 1 : stride);
  return normalised ? batchNorm(y, `${name}.${at + 1}`, norm) : y;
}

/** Every `stride`-th pixel of x, which is the mean over windows of 1×1, with zeros in the channels that it lacks. */
function identity(x: Tensor, { outChannels, stride = 1 }: BlockOptions): Tensor {
  return padChannels(stride === 1 ? x : avgPool2d(x, { kernelSize: 1, stride }), outChannels);
}

/**
 * Gives x `channels` channels for the next part of a model, by 1×1 convolutions: one to `reduce` channels if given
 * (parameters `reduce`), then one to `channels` (parameters `project`) if they differ, or `always`.
 */
export function bridge(
  x: Tensor,
  channels: number,
  options: { readonly reduce?: number | undefined; readonly suffix?: string; readonly always?: boolean },
): Tensor {
  const { reduce, suffix = "", always = false } = options;
  const pointwise = (y: Tensor, name: string, outChannels: number): Tensor =>
    conv2d(y, `${name}${suffix}`, { outChannels, kernelSize: 1 });
  const narrow = reduce === undefined ? x : pointwise(x, "reduce", reduce);
  return always || narrow.shape.at(-1) !== channels ? pointwise(narrow, "project", channels) : narrow;
}

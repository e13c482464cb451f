import { ShapeError } from "../base/errors.ts";
import type { Padding } from "../base/window.ts";
import type { Initializer } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type BatchNormOptions, batchNorm, conv2d, torchWeight } from "../layers/index.ts";

/**
 * Zeros around the windows of convolutions and pools: `symmetric`, as many on both sides, as torchvision and
 * as Keras' own ResNets with their explicit padding layers; `same`, TensorFlow's, which at stride 2 has the odd
 * one at the bottom and right.
 */
export type Padded = "symmetric" | "same";

/** The padding that keeps the extents of a window of `kernelSize` at stride 1. */
export const padding = (padded: Padded, kernelSize: number): Padding =>
  padded === "same" ? "same" : (kernelSize - 1) / 2;

export interface BlockOptions {
  readonly outChannels: number;
  /** Default 1. */
  readonly stride?: number;
  /** Of all batch norms of the block. */
  readonly norm?: Pick<BatchNormOptions, "eps" | "momentum">;
  /** Of all convolutions. Default `symmetric`. */
  readonly padded?: Padded;
  /** Whether the convolutions have biases, which their batch norms make superfluous. Default false. */
  readonly convBias?: boolean;
  /** Initial weights of the convolutions; default torch's. */
  readonly init?: Initializer;
}

/** A convolution of a block. */
function convolution(
  x: Tensor,
  name: string,
  { padded = "symmetric", convBias: bias = false, init = torchWeight() }: BlockOptions,
  outChannels: number,
  kernelSize: number,
  stride = 1,
): Tensor {
  return conv2d(x, name, {
    ...{ outChannels, kernelSize, stride, bias, init },
    padding: padding(padded, kernelSize),
  });
}

/**
 * The basic residual block: conv 3×3 – BN – ReLU – conv 3×3 – BN, plus x, ReLU; where stride or channels change
 * the shape, x goes through a 1×1 convolution and BN first. x (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, K).
 * Parameters as torchvision names them: conv1, bn1, conv2, bn2, downsample.0, downsample.1.
 *
 * He et al., "Deep Residual Learning for Image Recognition", 2016.
 */
export function basicBlock(x: Tensor, name: string, options: BlockOptions): Tensor {
  const { outChannels, stride, norm } = options;
  const inner = convolution(x, `${name}.conv1`, options, outChannels, 3, stride);
  const active = batchNorm(inner, `${name}.bn1`, { ...norm, activation: "relu" });
  const outer = convolution(active, `${name}.conv2`, options, outChannels, 3);
  const residual = shortcut(x, `${name}.downsample`, options);
  return batchNorm(outer, `${name}.bn2`, { ...norm, residual, activation: "relu" });
}

export interface BottleneckOptions extends BlockOptions {
  /**
   * Which convolution has the stride: the 3×3 (`v1.5`, the default, as torchvision) or the first 1×1 (`v1`, as
   * the paper and Keras). The weights have the same shapes and mean another thing.
   */
  readonly strideAt?: "v1.5" | "v1";
}

/**
 * The bottleneck block: conv 1×1 to K/4 channels – BN – ReLU – conv 3×3 – BN – ReLU – conv 1×1 to K – BN, plus x
 * or its projection, ReLU. x (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, K). Parameters as torchvision names
 * them: conv1, bn1, conv2, bn2, conv3, bn3, downsample.0, downsample.1. Throws ShapeError unless 4 divides K.
 *
 * He et al. 2016; the stride in the 3×3 is Facebook's and NVIDIA's "v1.5".
 */
export function bottleneckBlock(x: Tensor, name: string, options: BottleneckOptions): Tensor {
  const { outChannels, stride, norm, strideAt = "v1.5" } = options;
  if (outChannels % 4 !== 0) {
    throw new ShapeError("bottleneckBlock", "outChannels must be a multiple of 4", `${outChannels}`);
  }
  const narrow = outChannels / 4;
  const relu = { ...norm, activation: "relu" } as const;
  let y = convolution(x, `${name}.conv1`, options, narrow, 1, strideAt === "v1" ? stride : 1);
  y = batchNorm(y, `${name}.bn1`, relu);
  y = convolution(y, `${name}.conv2`, options, narrow, 3, strideAt === "v1" ? 1 : stride);
  y = batchNorm(y, `${name}.bn2`, relu);
  y = convolution(y, `${name}.conv3`, options, outChannels, 1);
  const residual = shortcut(x, `${name}.downsample`, options);
  return batchNorm(y, `${name}.bn3`, { ...relu, residual });
}

/** x itself, or where its shape has to change, conv 1×1 (`name.0`) – BN (`name.1`). */
function shortcut(x: Tensor, name: string, options: BlockOptions): Tensor {
  const { outChannels, stride = 1, norm } = options;
  if (stride === 1 && x.shape.at(-1) === outChannels) return x;
  return batchNorm(convolution(x, `${name}.0`, options, outChannels, 1, stride), `${name}.1`, norm);
}

/**
 * Two convolutions 3×3, the first of them with the stride, each with BN (unless `batchNorm` is false) and ReLU: a
 * basic block without its shortcut. Parameters: conv1, bn1, conv2, bn2.
 */
export function plainBlock(
  x: Tensor,
  name: string,
  options: Pick<BlockOptions, "outChannels" | "stride" | "norm"> & { readonly batchNorm?: boolean },
): Tensor {
  const { outChannels, stride = 1, norm, batchNorm: normalised = true } = options;
  const conv3x3 = { outChannels, kernelSize: 3, padding: 1 };
  let y = x;
  for (const i of [1, 2]) {
    const conv = { ...conv3x3, stride: i === 1 ? stride : 1 };
    y = normalised
      ? batchNorm(conv2d(y, `${name}.conv${i}`, { ...conv, bias: false }), `${name}.bn${i}`, {
          ...norm,
          activation: "relu",
        })
      : conv2d(y, `${name}.conv${i}`, { ...conv, activation: "relu" });
  }
  return y;
}

/**
 * x with `channels` channels, ready for the next part of a model: by a 1×1 convolution to `reduce` channels
 * (`reduce`) if given, and one to `channels` (`project`) where x has others, or `always`.
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

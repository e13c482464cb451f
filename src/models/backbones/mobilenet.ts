import { ShapeError } from "../../base/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import {
  type ActivationLike,
  avgPool2d,
  type BatchNormOptions,
  batchNorm,
  type Conv2dOptions,
  conv2d,
  dense,
  dropout,
  flatten,
  globalAvgPool,
  heNormal,
  mul,
  normal,
  zeros,
} from "../../layers/index.ts";
import type { Model, ModelOptions } from "../model.ts";
import { type Backbone, checkStage, checkStem, withHead } from "./backbone.ts";

/** What MobileNets differ in. */
export interface MobilenetVariant {
  /** Factor of the channels, which are then rounded to multiples of 8, as torchvision's `width_mult`. Default 1. */
  readonly widthMult?: number;
  /** Options of all batch norms. Default: torchvision's for the network. */
  readonly norm?: Pick<BatchNormOptions, "eps" | "momentum">;
  /** Dropout before the last layer. Default 0.2. */
  readonly dropout?: number;
}

/** A MobileNet as a whole classifier. */
export interface MobilenetOptions extends ModelOptions, MobilenetVariant {}

/** An inverted residual block, before channels are scaled. */
interface Block {
  readonly kernelSize: number;
  readonly stride: number;
  /** Channels of the depthwise convolution: version 2 multiplies those of x, version 3 scales a number of the block's own. */
  readonly expanded: (channels: number, scaled: (channels: number) => number) => number;
  readonly outChannels: number;
  readonly squeeze: boolean;
  readonly activation: ActivationLike;
}

/** What a version is made of. Each stage but the first of version 2 begins with stride 2. */
interface Version {
  readonly name: string;
  readonly norm: Required<Pick<BatchNormOptions, "eps" | "momentum">>;
  /** The name of a block's layers; version 2 has the last two without a module of their own. */
  readonly layers: "conv" | "block";
  readonly stemChannels: number;
  readonly activation: ActivationLike;
  readonly stages: readonly (readonly Block[])[];
  /** Channels of the last convolution, for those of the last block and the factor. */
  readonly lastChannels: (channels: number, widthMult: number) => number;
  readonly head: (x: Tensor, classes: number, widthMult: number, dropout: number) => Tensor;
}

/** The nearest multiple of 8, at least 8 and never below 0.9 of the channels, as in the authors' and torchvision's code. */
export function makeDivisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/** Blocks of version 2, expanded `factor` times, of which the first has the stride. */
const repeated = (factor: number, outChannels: number, count: number, stride: number): readonly Block[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ kernelSize: 3, stride: i === 0 ? stride : 1, outChannels, squeeze: false, activation: "relu6" },
    expanded: (channels) => channels * factor,
  }));

const V2: Version = {
  name: "mobilenet_v2",
  norm: { eps: 1e-5, momentum: 0.1 },
  layers: "conv",
  stemChannels: 32,
  activation: "relu6",
  stages: [
    repeated(1, 16, 1, 1),
    repeated(6, 24, 2, 2),
    repeated(6, 32, 3, 2),
    [...repeated(6, 64, 4, 2), ...repeated(6, 96, 3, 1)],
    [...repeated(6, 160, 3, 2), ...repeated(6, 320, 1, 1)],
  ],
  lastChannels: (_, widthMult) => makeDivisible(1280 * Math.max(1, widthMult)),
  head(x, classes, _, p) {
    const y = dropout(globalAvgPool(x), "classifier.0", p);
    return dense(y, "classifier.1", { outFeatures: classes, ...LINEAR });
  },
};

/** A block of version 3. */
const block = (
  kernelSize: number,
  expanded: number,
  outChannels: number,
  squeeze: boolean,
  activation: ActivationLike,
  stride = 1,
): Block => ({
  ...{ kernelSize, stride, outChannels, squeeze, activation },
  expanded: (_, scaled) => scaled(expanded),
});

const V3_SMALL: Version = {
  name: "mobilenet_v3_small",
  norm: { eps: 1e-3, momentum: 0.01 },
  layers: "block",
  stemChannels: 16,
  activation: "hardswish",
  stages: [
    [block(3, 16, 16, true, "relu", 2)],
    [block(3, 72, 24, false, "relu", 2), block(3, 88, 24, false, "relu")],
    [
      block(5, 96, 40, true, "hardswish", 2),
      block(5, 240, 40, true, "hardswish"),
      block(5, 240, 40, true, "hardswish"),
      block(5, 120, 48, true, "hardswish"),
      block(5, 144, 48, true, "hardswish"),
    ],
    [
      block(5, 288, 96, true, "hardswish", 2),
      block(5, 576, 96, true, "hardswish"),
      block(5, 576, 96, true, "hardswish"),
    ],
  ],
  lastChannels: (channels) => 6 * channels,
  head(x, classes, widthMult, p) {
    const outFeatures = makeDivisible(1024 * widthMult);
    const y = dense(globalAvgPool(x), "classifier.0", { outFeatures, ...LINEAR, activation: "hardswish" });
    return dense(dropout(y, "classifier.2", p), "classifier.3", { outFeatures: classes, ...LINEAR });
  },
};

const LINEAR = { init: normal(0.01), biasInit: zeros };

/**
 * MobileNetV2: conv 3×3 stride 2 – BN – ReLU6, 17 inverted residual blocks, conv 1×1 to 1280 – BN – ReLU6, global average
 * pool, dropout, dense; 224×224×3 and 1000 classes by default. A block is a 1×1 convolution to six times the channels, a
 * depthwise 3×3 and a 1×1 back, without an activation after it, and x is added where the shape stays.
 *
 * Takes images of any size. Parameters have torchvision's names: features.0.0, …, features.18.1, classifier.1; their initial
 * values are torchvision's too. Five stages, of 16, 24, 32, 96 and 1280 channels.
 *
 * Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
 */
export const mobilenetV2 = (options: MobilenetOptions = {}): Backbone & Model =>
  withHead(mobilenetV2Backbone(options), options);

/** MobileNetV2 as a backbone, without input shape and classes. */
export const mobilenetV2Backbone = (variant?: MobilenetVariant): Backbone => mobilenet(V2, variant);

/**
 * MobileNetV3-Small: as `mobilenetV2`, with 11 blocks, depthwise convolutions of 3×3 and 5×5, squeeze-and-excitation in most
 * blocks, hard-swish in most, and two dense layers. 224×224×3 and 1000 classes by default.
 *
 * Takes images of any size. Parameters have torchvision's names: features.0.0, …, features.12.1, classifier.0, classifier.3;
 * their initial values and the batch norms' eps (0.001) and momentum (0.01) are torchvision's too. Four stages, of 16, 24,
 * 48 and 576 channels.
 *
 * Howard et al., "Searching for MobileNetV3", 2019.
 */
export const mobilenetV3Small = (options: MobilenetOptions = {}): Backbone & Model =>
  withHead(mobilenetV3SmallBackbone(options), options);

/** MobileNetV3-Small as a backbone, without input shape and classes. */
export const mobilenetV3SmallBackbone = (variant?: MobilenetVariant): Backbone =>
  mobilenet(V3_SMALL, variant);

function mobilenet(version: Version, variant: MobilenetVariant = {}): Backbone {
  const { name, layers, activation, stages } = version;
  const { widthMult = 1, dropout: p = 0.2 } = variant;
  if (!(widthMult > 0 && widthMult < Number.POSITIVE_INFINITY)) {
    throw new ShapeError(name, "widthMult must be a positive number", String(widthMult));
  }
  const norm = { ...version.norm, ...variant.norm };
  const scaled = (channels: number): number => makeDivisible(channels * widthMult);
  const stemChannels = scaled(version.stemChannels);

  /** Convolution `at.0` without bias, batch norm `at.1`, activation. */
  function convolution(
    x: Tensor,
    at: string,
    { activation: f, kernelSize = 1, ...options }: ConvolutionOptions,
  ): Tensor {
    const y = conv2d(x, `${at}.0`, {
      ...{ kernelSize, padding: (kernelSize - 1) / 2, bias: false, init: heNormal("out") },
      ...options,
    });
    return batchNorm(y, `${at}.1`, { ...norm, activation: f });
  }

  function invertedResidual(x: Tensor, at: string, given: Block): Tensor {
    const { kernelSize, stride, squeeze, activation: f } = given;
    const channels = x.shape.at(-1)!;
    const outChannels = scaled(given.outChannels);
    const expanded = given.expanded(channels, scaled);
    let y = x;
    let i = 0;
    const next = (): string => `${at}.${layers}.${i++}`;
    if (expanded !== channels) y = convolution(y, next(), { outChannels: expanded, activation: f });
    const depthwise = { outChannels: expanded, groups: expanded, kernelSize, stride, activation: f };
    y = convolution(y, next(), depthwise);
    if (squeeze) y = squeezeExcitation(y, next(), makeDivisible(Math.floor(expanded / 4)));
    const last = next();
    const [conv, bn] = layers === "conv" ? [last, next()] : [`${last}.0`, `${last}.1`];
    y = conv2d(y, conv, { outChannels, kernelSize: 1, bias: false, init: heNormal("out") });
    const isResidual = stride === 1 && channels === outChannels;
    return batchNorm(y, bn, { ...norm, ...(isResidual && { residual: x }) });
  }

  return {
    name,
    family: "mobilenet",
    variant: { widthMult, norm, dropout: p },
    small: false,
    stages: stages.length,
    stemChannels,
    minSize: () => 1,
    reduction: (stage) => stages.slice(0, stage).reduce((pixels, [first]) => pixels * first!.stride, 2),
    features(x, { prefix = "", stage = stages.length, stem = true } = {}) {
      checkStage(name, stage, 0, stages.length);
      let index = 0;
      const next = (): string => `${prefix}features.${index++}`;
      const first = next();
      let y = stem
        ? convolution(x, first, { outChannels: stemChannels, kernelSize: 3, stride: 2, activation })
        : x;
      checkStem(name, y, stemChannels);
      for (const given of stages.slice(0, stage).flat()) y = invertedResidual(y, next(), given);
      if (stage < stages.length) return y;
      const outChannels = version.lastChannels(y.shape.at(-1)!, widthMult);
      return convolution(y, next(), { outChannels, activation });
    },
    head: (x, classes) => version.head(x, classes, widthMult, p),
  };
}

interface ConvolutionOptions extends Pick<Conv2dOptions, "outChannels" | "stride" | "groups"> {
  readonly kernelSize?: number;
  readonly activation: ActivationLike;
}

/**
 * x with each channel scaled by what two 1×1 convolutions, `at.fc1` and `at.fc2`, make of the means of all channels.
 * Hu et al., "Squeeze-and-Excitation Networks", 2018, with the hard sigmoid of Howard et al. 2019.
 */
function squeezeExcitation(x: Tensor, at: string, squeezed: number): Tensor {
  const [, H, W, C] = x.shape as [number, number, number, number];
  const layer = { kernelSize: 1, init: heNormal("out"), biasInit: zeros };
  let y = avgPool2d(x, { kernelSize: [H, W] });
  y = conv2d(y, `${at}.fc1`, { ...layer, outChannels: squeezed, activation: "relu" });
  y = conv2d(y, `${at}.fc2`, { ...layer, outChannels: C, activation: "hardsigmoid" });
  return mul(x, flatten(y), at);
}

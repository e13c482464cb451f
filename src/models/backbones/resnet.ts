import { ShapeError } from "../../base/errors.ts";
import { namesOf } from "../../base/names.ts";
import type { Tensor } from "../../graph/tensor.ts";
import {
  avgPool2d,
  type BatchNormOptions,
  batchNorm,
  conv2d,
  dense,
  globalAvgPool,
  heNormal,
  maxPool2d,
} from "../../layers/index.ts";
import { type BlockOptions, basicBlock, bottleneckBlock, type Padded, padding } from "../blocks.ts";
import { type Model, type ModelOptions, oneOf } from "../model.ts";
import { type Backbone, checkStage, checkStem, withHead } from "./backbone.ts";

/** The number of blocks in each stage. */
const BLOCKS = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
  20: [3, 3, 3],
  32: [5, 5, 5],
  44: [7, 7, 7],
  56: [9, 9, 9],
} as const satisfies Record<number, readonly number[]>;

/** How many layers a ResNet may have. */
export type ResnetDepth = keyof typeof BLOCKS;

export const resnetDepths = Object.keys(BLOCKS).map(Number) as readonly ResnetDepth[];

/** How many layers a ResNet-D may have, not counting those that the stem has more. */
export type ResnetDDepth = Exclude<ResnetDepth, 20 | 32 | 44 | 56>;

export const resnetDDepths = resnetDepths.filter((depth) => BLOCKS[depth].length === 4) as ResnetDDepth[];

/** Depth, groups of the 3×3 convolutions, and channels of each group in stage 1. */
const RESNEXTS = {
  "50_32x4d": [50, 32, 4],
  "101_32x8d": [101, 32, 8],
  "101_64x4d": [101, 64, 4],
} as const satisfies Record<string, readonly [depth: ResnetDepth, groups: number, widthPerGroup: number]>;

/** Which ResNeXt: layers, groups and channels of a group, as in torchvision's names. */
export type ResnextKind = keyof typeof RESNEXTS;

export const resnextKinds = namesOf(RESNEXTS);

/** How published ResNets differ. Parameter names are the same in all variants. */
export interface ResnetVariant {
  /**
   * Which convolution of a bottleneck has the stride: the 3×3 (`v1.5`, the default, as in torchvision and timm) or the
   * first 1×1 (`v1`, as in Keras). The weights have the same shapes, but do not work in the other variant.
   */
  readonly stride?: "v1.5" | "v1";
  /** Default `symmetric`, which Keras' padding layers give too. */
  readonly padded?: Padded;
  /** Whether the convolutions have biases, as in Keras. Default false. */
  readonly convBias?: boolean;
  /** Options of all batch norms. Default: eps 1e-5 and momentum 0.1, the share of the batch, as in torch. */
  readonly norm?: Pick<BatchNormOptions, "eps" | "momentum">;
  /** Channels of the stem. Default 64, or 16 in the small-image family. */
  readonly width?: number;
}

/** The variant of Keras' ResNet-50, 101 and 152 (version 1); their images need `caffePreprocessing`. */
export const KERAS_RESNET: ResnetVariant = {
  stride: "v1",
  convBias: true,
  // Keras' momentum of 0.99 is the share of the old statistics.
  norm: { eps: 1.001e-5, momentum: 0.01 },
};

/** A ResNet as a whole classifier. */
export interface ResnetOptions extends ModelOptions, ResnetVariant {}

/**
 * ResNet-18, 34, 50, 101 and 152: conv 7×7 stride 2 – BN – ReLU – max-pool, four stages, global average pool,
 * dense; 224×224×3 and 1000 classes by default. ResNet-20, 32, 44 and 56, for small images: conv 3×3 – BN –
 * ReLU, three stages of 16, 32 and 64 channels; 32×32×3 and 10 classes by default. If a block changes the shape, its
 * shortcut is a projection (1×1 convolution and BN, the paper's option B), even in the small-image family, where the
 * paper pads with zeros (option A, as `stacked` does): ResNet-20 has 272,474 parameters instead of 269,722.
 *
 * Takes images of any size. Parameters have torchvision's names: conv1, bn1, layer1.0.conv1, …, fc.
 *
 * He et al., "Deep Residual Learning for Image Recognition", 2016.
 */
export const resnet = (depth: ResnetDepth, options: ResnetOptions = {}): Backbone & Model =>
  withHead(resnetBackbone(depth, options), options);

/**
 * ResNet-18-D to 152-D: as `resnet`, but with a stem of three 3×3 convolutions, and shortcuts that average 2×2 pixels
 * where a stage shrinks the map. Parameters have timm's names (`resnet50d`): conv1.0, conv1.1, …, layer2.0.downsample.1.
 *
 * He et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks", 2019.
 */
export const resnetD = (depth: ResnetDDepth, options: ResnetOptions = {}): Backbone & Model =>
  withHead(resnetDBackbone(depth, options), options);

/** A ResNet-D as a backbone, without input shape and classes. */
export function resnetDBackbone(depth: ResnetDDepth, variant?: ResnetVariant): Backbone {
  if (!resnetDDepths.includes(depth)) {
    throw new ShapeError("resnetD", `depth must be one of ${resnetDDepths.join(", ")}`, `${depth}`);
  }
  const shrink = (x: Tensor, kernelSize: number): Tensor =>
    avgPool2d(x, { kernelSize, ceilMode: true, countIncludePad: false });
  return resnetBackbone(depth, variant, { name: `resnet${depth}d`, deep: true, shrink });
}

/**
 * ResNeXt: as `resnet`, but the 3×3 convolutions are wider and in groups. Parameters have torchvision's names
 * (`resnext50_32x4d`), which are those of a ResNet.
 *
 * Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2017.
 */
export const resnext = (kind: ResnextKind, options: ResnetOptions = {}): Backbone & Model =>
  withHead(resnextBackbone(kind, options), options);

/** A ResNeXt as a backbone, without input shape and classes. */
export function resnextBackbone(kind: ResnextKind, variant?: ResnetVariant): Backbone {
  if (!Object.hasOwn(RESNEXTS, kind)) {
    throw new ShapeError("resnext", `kind must be one of ${resnextKinds.join(", ")}`, kind);
  }
  const [depth, groups, widthPerGroup] = RESNEXTS[kind];
  return resnetBackbone(depth, variant, { name: `resnext${kind}`, groups, widthPerGroup });
}

/** What makes a ResNeXt or a ResNet-D of a ResNet. */
interface Form {
  readonly name: string;
  readonly groups?: number;
  /** Channels of a group for 64 of the stem. */
  readonly widthPerGroup?: number;
  /** Whether the stem has three convolutions. */
  readonly deep?: boolean;
  readonly shrink?: BlockOptions["shrink"];
}

/** A ResNet as a backbone, without input shape and classes. */
export function resnetBackbone(
  depth: ResnetDepth,
  variant: ResnetVariant = {},
  form: Form = { name: `resnet${depth}` },
): Backbone {
  const { name, groups = 1, widthPerGroup = 64, deep = false, shrink } = form;
  const blocks: readonly number[] | undefined = BLOCKS[depth];
  if (!blocks) throw new ShapeError("resnet", `depth must be one of ${resnetDepths.join(", ")}`, `${depth}`);
  const stages = blocks.length;
  const small = stages === 3;
  const { width = small ? 16 : 64, convBias = false } = variant;
  const norm = { eps: 1e-5, momentum: 0.1, ...variant.norm };
  const stride = oneOf(name, "stride", variant.stride ?? "v1.5", ["v1.5", "v1"]);
  const padded = oneOf(name, "padded", variant.padded ?? "symmetric", ["symmetric", "same"]);
  const init = heNormal("out");
  const relu = { ...norm, activation: "relu" } as const;
  const bottleneck = depth >= 50 && !small;

  function stemOf(x: Tensor, prefix: string): Tensor {
    const conv = (y: Tensor, at: string, outChannels: number, kernelSize: number, stride = 1): Tensor =>
      conv2d(y, `${prefix}conv1${at}`, {
        ...{ outChannels, kernelSize, stride, bias: convBias, init },
        padding: padding(padded, kernelSize),
      });
    let y: Tensor;
    if (deep) {
      y = batchNorm(conv(x, ".0", width / 2, 3, 2), `${prefix}conv1.1`, relu);
      y = batchNorm(conv(y, ".3", width / 2, 3), `${prefix}conv1.4`, relu);
      y = conv(y, ".6", width, 3);
    } else {
      y = small ? conv(x, "", width, 3) : conv(x, "", width, 7, 2);
    }
    const active = batchNorm(y, `${prefix}bn1`, relu);
    return small ? active : maxPool2d(active, { kernelSize: 3, stride: 2, padding: padding(padded, 3) });
  }

  function block(x: Tensor, at: string, outChannels: number, blockStride: number): Tensor {
    const options = {
      outChannels,
      stride: blockStride,
      norm,
      padded,
      convBias,
      init,
      ...(shrink && { shrink }),
    };
    if (!bottleneck) return basicBlock(x, at, options);
    const innerChannels = Math.max(1, Math.floor((outChannels * widthPerGroup) / 64)) * groups;
    const wide = { outChannels: 4 * outChannels, innerChannels, groups, strideAt: stride };
    return bottleneckBlock(x, at, { ...options, ...wide });
  }

  return {
    name,
    family: "resnet",
    variant: { stride, padded, convBias, norm, width },
    small,
    stages,
    stemChannels: width,
    minSize: () => 1,
    reduction: (stage) => (small ? 1 : 4) * 2 ** Math.max(0, stage - 1),
    features(x, { prefix = "", stage = stages, stem = true } = {}) {
      checkStage(name, stage, 0, stages);
      let y = stem ? stemOf(x, prefix) : x;
      checkStem(name, y, width);
      for (let s = 1; s <= stage; s++) {
        for (let i = 0; i < blocks[s - 1]!; i++) {
          const first = s > 1 && i === 0;
          y = block(y, `${prefix}layer${s}.${i}`, width * 2 ** (s - 1), first ? 2 : 1);
        }
      }
      return y;
    },
    head: (x, classes) => dense(globalAvgPool(x), "fc", { outFeatures: classes }),
  };
}

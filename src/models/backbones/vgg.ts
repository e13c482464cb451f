import { ShapeError } from "../../base/errors.ts";
import {
  type BatchNormOptions,
  batchNorm,
  conv2d,
  dense,
  dropout,
  flatten,
  heNormal,
  maxPool2d,
  zeros,
} from "../../layers/index.ts";
import type { Model, ModelOptions } from "../model.ts";
import { type Backbone, checkImages, checkStage, withHead } from "./backbone.ts";

/** The number of convolutions in each stage. */
const CONVOLUTIONS = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const satisfies Record<number, readonly number[]>;

/** Channels of each stage, as a multiple of the first stage's. */
const WIDTHS = [1, 2, 4, 8, 8] as const;

/** How many layers with weights a VGG may have. */
export type VggDepth = keyof typeof CONVOLUTIONS;

export const vggDepths = Object.keys(CONVOLUTIONS).map(Number) as readonly VggDepth[];

/** What VGGs differ in. */
export interface VggVariant {
  /** Whether batch norm follows each convolution, which changes the numbers in the names. Default false. */
  readonly batchNorm?: boolean;
  /** Options of all batch norms. Default: eps 1e-5 and momentum 0.1, the share of the batch, as in torch. */
  readonly norm?: Pick<BatchNormOptions, "eps" | "momentum">;
  /** Channels of the first stage. Default 64. */
  readonly width?: number;
  /** How many stages it has; fewer suit images too small for all. Default 5. */
  readonly stages?: number;
  /** Features of the two hidden layers of the head. Default 4096. */
  readonly hidden?: number;
  /** Dropout after each of them. Default 0.5. */
  readonly dropout?: number;
}

/** A VGG as a whole classifier. */
export interface VggOptions extends ModelOptions, VggVariant {}

/**
 * VGG-11, 13, 16 and 19, with and without batch norm: five stages of 3×3 convolutions with ReLU, each ended by a
 * max-pool of stride 2, then dense 4096 – ReLU – dropout twice, and dense. 224×224×3 and 1000 classes by default.
 *
 * Takes images of 32×32 or more, and smaller ones with fewer `stages`. The first dense layer fits the last map, 7×7 for
 * 224×224, whereas torchvision pools every map to 7×7. Parameters have torchvision's names: features.0, …,
 * classifier.0, classifier.3, classifier.6. Weights start with He's variance, which in the first dense layer of the
 * full size is close to torchvision's std of 0.01, and also suits narrower layers.
 *
 * Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015.
 */
export const vgg = (depth: VggDepth, options: VggOptions = {}): Backbone & Model =>
  withHead(vggBackbone(depth, options), options);

/** A VGG as a backbone, without input shape and classes. */
export function vggBackbone(depth: VggDepth, variant: VggVariant = {}): Backbone {
  const convolutions: readonly number[] | undefined = CONVOLUTIONS[depth];
  if (!convolutions) throw new ShapeError("vgg", `depth must be one of ${vggDepths.join(", ")}`, `${depth}`);
  const { batchNorm: normalised = false, width = 64, hidden = 4096, dropout: p = 0.5 } = variant;
  const norm = { eps: 1e-5, momentum: 0.1, ...variant.norm };
  const name = `vgg${depth}${normalised ? "_bn" : ""}`;
  const { stages = convolutions.length } = variant;
  checkStage(name, stages, 1, convolutions.length);
  const minSize = (stage: number): number => 2 ** stage;

  return {
    name,
    family: "vgg",
    variant: { ...(normalised && { norm }), stages, width, hidden, dropout: p },
    small: false,
    stages,
    stemChannels: undefined,
    minSize,
    reduction: minSize,
    features(x, { prefix = "", stage = stages, stem = true } = {}) {
      checkStage(name, stage, 1, stages);
      checkImages({ name, minSize }, x, stage, stem);
      let y = x;
      let index = 0;
      for (let s = 0; s < stage; s++) {
        for (let i = 0; i < convolutions[s]!; i++) {
          const at = `${prefix}features.${index}`;
          const conv = { outChannels: width * WIDTHS[s]!, kernelSize: 3, padding: 1, init: heNormal("out") };
          if (normalised) {
            y = conv2d(y, at, { ...conv, biasInit: zeros });
            y = batchNorm(y, `${prefix}features.${index + 1}`, { ...norm, activation: "relu" });
          } else {
            y = conv2d(y, at, { ...conv, biasInit: zeros, activation: "relu" });
          }
          // ReLU has a number too, and so does the pool below.
          index += normalised ? 3 : 2;
        }
        y = maxPool2d(y, { kernelSize: 2 });
        index++;
      }
      return y;
    },
    head(x, classes) {
      const layer = { init: heNormal(), biasInit: zeros };
      let y = flatten(x);
      y = dense(y, "classifier.0", { ...layer, outFeatures: hidden, activation: "relu" });
      y = dropout(y, "classifier.2", p);
      y = dense(y, "classifier.3", { ...layer, outFeatures: hidden, activation: "relu" });
      y = dropout(y, "classifier.5", p);
      // Each of the two dropouts has doubled the variance: with He's, the first logits would be far from equal.
      return dense(y, "classifier.6", { biasInit: zeros, outFeatures: classes });
    },
  };
}

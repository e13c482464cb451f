import type { Tensor } from "../../graph/tensor.ts";
import {
  concat,
  conv2d,
  dropout,
  globalAvgPool,
  heUniform,
  maxPool2d,
  normal,
  zeros,
} from "../../layers/index.ts";
import type { Model, ModelOptions } from "../model.ts";
import { type Backbone, checkImages, checkStage, withHead } from "./backbone.ts";

/** What SqueezeNets differ in. */
export interface SqueezenetVariant {
  /** Dropout before the last convolution. Default 0.5. */
  readonly dropout?: number;
}

/** A SqueezeNet as a whole classifier. */
export interface SqueezenetOptions extends ModelOptions, SqueezenetVariant {}

/** Channels of a fire module: squeezed, and of each of the two convolutions that expand them. */
type Fire = readonly [squeeze: number, expand: number];

/** The fire modules of each stage; the first stage is a convolution. */
const STAGES: readonly (readonly Fire[])[] = [
  [],
  [
    [16, 64],
    [16, 64],
  ],
  [
    [32, 128],
    [32, 128],
  ],
  [
    [48, 192],
    [48, 192],
    [64, 256],
    [64, 256],
  ],
];

/**
 * SqueezeNet 1.1: conv 3×3 stride 2 – ReLU, eight fire modules, dropout, conv 1×1 to the classes – ReLU, global average pool;
 * 224×224×3 and 1000 classes by default. A fire module is a 1×1 convolution to few channels and, from there, a 1×1 and a 3×3
 * side by side. Four stages, of 64, 128, 256 and 512 channels, the first three ended by a max-pool; as in torch, the
 * convolution of the first has no padding, and pools take what is left at the end (`ceilMode`).
 *
 * Takes images of 17×17 or more. Parameters have torchvision's names (`squeezenet1_1`): features.0, features.3.squeeze, …,
 * classifier.1; their initial values are torchvision's too. All logits are at least 0.
 *
 * Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016.
 */
export const squeezenet = (options: SqueezenetOptions = {}): Backbone & Model =>
  withHead(squeezenetBackbone(options), options);

/** SqueezeNet 1.1 as a backbone, without input shape and classes. */
export function squeezenetBackbone({ dropout: p = 0.5 }: SqueezenetVariant = {}): Backbone {
  const name = "squeezenet1_1";
  const reduction = (stage: number): number => 2 ** Math.min(stage + 1, STAGES.length);
  const minSize = (stage: number): number => reduction(stage) + 1;
  return {
    name,
    family: "squeezenet",
    variant: { dropout: p },
    small: false,
    stages: STAGES.length,
    stemChannels: undefined,
    minSize,
    reduction,
    features(x, { prefix = "", stage = STAGES.length, stem = true } = {}) {
      checkStage(name, stage, 1, STAGES.length);
      checkImages({ name, minSize }, x, stage, stem);
      const at = `${prefix}features.`;
      const layer = { init: heUniform(), biasInit: zeros, activation: "relu" } as const;
      let y = conv2d(x, `${at}0`, { ...layer, outChannels: 64, kernelSize: 3, stride: 2 });
      // ReLU has the number 1, and each pool has one too.
      let index = 2;
      for (const [s, fires] of STAGES.slice(0, stage).entries()) {
        for (const fire of fires) y = fireModule(y, `${at}${index++}`, fire);
        if (s === STAGES.length - 1) break;
        y = maxPool2d(y, { kernelSize: 3, stride: 2, ceilMode: true });
        index++;
      }
      return y;
    },
    head(x, classes) {
      const y = conv2d(dropout(x, "classifier.0", p), "classifier.1", {
        ...{ outChannels: classes, kernelSize: 1, activation: "relu" },
        ...{ init: normal(0.01), biasInit: zeros },
      });
      return globalAvgPool(y);
    },
  };
}

/** x squeezed to few channels (`at.squeeze`), and those expanded by 1×1 and 3×3 (`at.expand1x1`, `at.expand3x3`). */
function fireModule(x: Tensor, at: string, [squeeze, outChannels]: Fire): Tensor {
  const layer = { init: heUniform(), biasInit: zeros, activation: "relu" } as const;
  const y = conv2d(x, `${at}.squeeze`, { ...layer, outChannels: squeeze, kernelSize: 1 });
  const expand = { ...layer, outChannels };
  return concat(
    conv2d(y, `${at}.expand1x1`, { ...expand, kernelSize: 1 }),
    conv2d(y, `${at}.expand3x3`, { ...expand, kernelSize: 3, padding: 1 }),
  );
}

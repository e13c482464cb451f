import { batchNorm, conv2d, dense, dropout, globalAvgPool } from "../../layers/index.ts";
import { preprocessingOf } from "../backbones/backbone.ts";
import { type BackboneLike, createBackbone, defaultResnet } from "../backbones/backbones.ts";
import { carried, checked, type Model, type ModelOptions } from "../model.ts";

/** Options of `features`. */
export interface FeaturesModelOptions extends ModelOptions {
  /** Default: ResNet-50, or ResNet-20 if height or width is below 64. */
  readonly backbone?: BackboneLike;
  /** Last stage of the backbone. Default 3. */
  readonly stage?: number;
  /** Channels of the two convolutions. Default 128. */
  readonly width?: number;
  /** Dropout before the last layer. Default 0.5. */
  readonly dropout?: number;
  /** Default: the whole backbone. Give an empty list to train all of it. */
  readonly frozen?: readonly string[];
}

/**
 * A shallow ConvNet on the features of a pretrained ResNet, which is frozen by default: conv 3×3 – BN – ReLU – conv
 * 3×3 – BN – ReLU – global average pool – dropout – dense. 224×224×3 and 10 classes by default.
 *
 * Parameters: the backbone's, with the prefix `resnet.`; conv1, bn1, conv2, bn2, fc.
 */
export function features(options: FeaturesModelOptions = {}): Model {
  const { inputShape = [224, 224, 3], classes = 10, stage = 3, width = 128, dropout: p = 0.5 } = options;
  const backbone = createBackbone(options.backbone ?? defaultResnet(inputShape));
  const { name, variant } = backbone;
  const prefix = `${backbone.family}.`;
  const preprocessing = options.preprocessing ?? preprocessingOf(backbone, inputShape);
  const kept = carried({ ...options, frozen: options.frozen ?? [`${prefix}*`] });
  return checked({
    name: "features",
    inputShape,
    classes,
    options: { inputShape, classes, backbone: { name, ...variant }, stage, width, dropout: p, ...kept },
    ...kept,
    ...(preprocessing && { preprocessing }),
    backbones: { [prefix]: name },
    build(images) {
      let x = backbone.features(images, { prefix, stage });
      for (const i of [1, 2]) {
        x = conv2d(x, `conv${i}`, { outChannels: width, kernelSize: 3, padding: 1, bias: false });
        x = batchNorm(x, `bn${i}`, { activation: "relu" });
      }
      return dense(dropout(globalAvgPool(x), "dropout", p), "fc", { outFeatures: classes });
    },
  });
}

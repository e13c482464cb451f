import type { Preprocessing } from "../image/preprocessing.ts";

export type { Preprocessing } from "../image/preprocessing.ts";

/** A model's `inputShape`, of which height and width count. */
type Extents = readonly [height: number, width: number, ...unknown[]];

/** 256 for a crop to 224, in proportion for other extents. */
const resizeFor = ([height, width]: Extents): number => Math.round((Math.min(height, width) * 256) / 224);

/** The preprocessing of torchvision's and timm's ImageNet weights. */
export const imagenetPreprocessing = (inputShape: Extents): Preprocessing => ({
  resize: resizeFor(inputShape),
  mode: "torch",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
});

/** The preprocessing of Keras' ResNet (version 1) and VGG weights. */
export const caffePreprocessing = (inputShape: Extents): Preprocessing => ({
  resize: resizeFor(inputShape),
  mode: "caffe",
  mean: [103.939, 116.779, 123.68],
  std: [1, 1, 1],
});

/** The preprocessing of Keras' MobileNet, Inception, Xception and ResNetV2 weights: −1…1. */
export const signedPreprocessing = (inputShape: Extents): Preprocessing => ({
  resize: resizeFor(inputShape),
  mode: "torch",
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
});

export {
  type ActivationLike,
  activation,
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  type PreluOptions,
  prelu,
  type Rescale,
  relu,
  relu6,
  rescale,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "./activation.ts";
export { augment, augmentLabelled } from "./augment.ts";
export { type Conv2dOptions, type ConvTranspose2dOptions, conv2d, convTranspose2d } from "./conv.ts";
export { type DenseOptions, dense } from "./dense.ts";
export { dropout } from "./dropout.ts";
export {
  type Fan,
  filled,
  heNormal,
  heUniform,
  normal,
  ones,
  torchBias,
  torchWeight,
  uniform,
  xavierNormal,
  xavierUniform,
  zeros,
} from "./init.ts";
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  type HuberLossOptions,
  huberLoss,
  l1Loss,
  mseLoss,
  type SigmoidFocalLossOptions,
  sigmoidFocalLoss,
  softCrossEntropy,
  softmax,
  sumLosses,
} from "./loss.ts";
export { add, average, concat, mul, sub } from "./merge.ts";
export {
  type BatchNormOptions,
  batchNorm,
  type GroupNormOptions,
  groupNorm,
  type LayerNormOptions,
  layerNorm,
} from "./norm.ts";
export {
  type AvgPool2dOptions,
  avgPool2d,
  globalAvgPool,
  globalMaxPool,
  maxPool2d,
  type Pool2dOptions,
} from "./pool.ts";
export { asActivations, cast } from "./precision.ts";
export {
  crop2d,
  flatten,
  type Pad2dOptions,
  pad2d,
  padChannels,
  type Sides,
  type UpsampleOptions,
  upsample,
} from "./shape.ts";

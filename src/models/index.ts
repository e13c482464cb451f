export type { Backbone, FeaturesOptions } from "./backbone.ts";
export {
  type BackboneLike,
  type BackboneName,
  type BackboneVariant,
  backboneNames,
  createBackbone,
} from "./backbones.ts";
export {
  type BlockOptions,
  type BottleneckOptions,
  basicBlock,
  bottleneckBlock,
  type Padded,
  plainBlock,
} from "./blocks.ts";
export { type FeaturesModelOptions, features } from "./features.ts";
export { freeze } from "./freeze.ts";
export { type FusionOptions, fusion } from "./fusion.ts";
export { type ConvnetOptions, convnet, type InterleavedOptions, interleaved } from "./interleaved.ts";
export { type ImportKerasOptions, importKeras } from "./keras-import.ts";
export { countNumbers, frozenIn, inspect, type Model, type ModelOptions } from "./model.ts";
export { type NetworkLayer, type NetworkOptions, network } from "./network.ts";
export { type ExportOnnxOptions, exportOnnx } from "./onnx-export.ts";
export { type ImportOnnxOptions, importOnnx } from "./onnx-import.ts";
export { caffePreprocessing, imagenetPreprocessing, type Preprocessing } from "./preprocessing.ts";
export { KERAS_RESNET, type ResnetDepth, type ResnetOptions, type ResnetVariant, resnet } from "./resnet.ts";
export { type SequentialOptions, sequential } from "./sequential.ts";
export { type SplitModel, type SplitOptions, splitModel } from "./split.ts";
export { summary } from "./summary.ts";
export { createModel, topologyNames } from "./topologies.ts";
export { type VggDepth, type VggOptions, type VggVariant, vgg } from "./vgg.ts";

export type { Backbone, BackboneFamily, FeaturesOptions } from "./backbones/backbone.ts";
export {
  type BackboneLike,
  type BackboneName,
  type BackboneVariant,
  backboneNames,
  createBackbone,
} from "./backbones/backbones.ts";
export {
  type MobilenetOptions,
  type MobilenetVariant,
  mobilenetV2,
  mobilenetV3Small,
} from "./backbones/mobilenet.ts";
export {
  KERAS_RESNET,
  type ResnetDDepth,
  type ResnetDepth,
  type ResnetOptions,
  type ResnetVariant,
  type ResnextKind,
  resnet,
  resnetD,
  resnext,
} from "./backbones/resnet.ts";
export { type SqueezenetOptions, type SqueezenetVariant, squeezenet } from "./backbones/squeezenet.ts";
export { type VggDepth, type VggOptions, type VggVariant, vgg } from "./backbones/vgg.ts";
export {
  type BasicBlockOptions,
  type BlockOptions,
  type BottleneckOptions,
  basicBlock,
  bottleneckBlock,
  identityBlock,
  type Padded,
  plainBlock,
} from "./blocks.ts";
export { freeze } from "./freeze.ts";
export { countNumbers, frozenIn, inspect, type Model, type ModelOptions } from "./model.ts";
export { multiLabel } from "./multi-label.ts";
export type { AnyNetwork, Named, Network, TargetSpec } from "./network.ts";
export { caffePreprocessing, imagenetPreprocessing, type Preprocessing } from "./preprocessing.ts";
export { reuse } from "./reuse.ts";
export { type Layer, layersOf } from "./structure.ts";
export { summary } from "./summary.ts";
export { type FeaturesModelOptions, features } from "./topologies/features.ts";
export { type FusionOptions, fusion } from "./topologies/fusion.ts";
export {
  type ConvnetOptions,
  convnet,
  type InterleavedOptions,
  interleaved,
} from "./topologies/interleaved.ts";
export { type NetworkLayer, type NetworkOptions, network } from "./topologies/network.ts";
export { type SequentialOptions, sequential } from "./topologies/sequential.ts";
export {
  type ShortcutsName,
  type StackedOptions,
  shortcutsNames,
  stacked,
} from "./topologies/stacked.ts";
export {
  type BackboneSlot,
  backbonesFor,
  createModel,
  type TopologyEntry,
  type TopologyName,
  topologies,
  topologyNames,
} from "./topologies/topologies.ts";

export { type BlockOptions, basicBlock, plainBlock } from "./blocks.ts";
export { type ConvnetOptions, convnet, type InterleavedOptions, interleaved } from "./interleaved.ts";
export { countNumbers, inspect, type Model, type ModelOptions } from "./model.ts";
export { summary } from "./summary.ts";
export { createModel, topologyNames } from "./topologies.ts";

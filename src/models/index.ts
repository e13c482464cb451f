export { type BlockOptions, basicBlock, plainBlock } from "./blocks.ts";
export { type ConvnetOptions, convnet, type InterleavedOptions, interleaved } from "./interleaved.ts";
export { countNumbers, inspect, type Model, type ModelOptions } from "./model.ts";
export { type NetworkLayer, type NetworkOptions, network } from "./network.ts";
export { type ExportOnnxOptions, exportOnnx, type NamedWeights } from "./onnx-export.ts";
export { type ImportOnnxOptions, importOnnx } from "./onnx-import.ts";
export { summary } from "./summary.ts";
export { createModel, topologyNames } from "./topologies.ts";

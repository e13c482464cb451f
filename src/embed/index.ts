/**
 * `webgraft/kernels`: single kernels and single ops for apps that have their own device, buffers and compute passes.
 * Nothing here submits work, owns the caller's memory, or listens to the device.
 *
 * Tensors are laid out as everywhere in the library: NHWC, weights (R, S, C, K), the last axis of f32 tensors padded
 * with zeros to a multiple of 4. `pad` and `unpad` convert.
 */
export type { TuningTable } from "../gpu/tuning.ts";
export { describe, pad, pad4, storedLength, unpad } from "../graph/tensor.ts";
export type { DefinedKernel } from "../kernel/define/declared.ts";
export { defineKernel } from "../kernel/define/define.ts";
export { fold, grid } from "../kernel/grid.ts";
export type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
export * from "../kernel/shaders.gen.ts"; // By themselves: of a namespace, esbuild bundles all members.
export * from "../ops/index.ts";
export { type BackwardBuffers, type BackwardOptions, prepareBackward } from "./backward.ts";
export type { Bound } from "./bound.ts";
export type { BufferRange } from "./check.ts";
export { describeOp, type OpDescription } from "./describe.ts";
export { type ForwardOptions, type OpBuffers, prepareOp } from "./forward.ts";
export { type KernelBuffers, liveScalars, PreparedKernel, prepareKernel } from "./kernel.ts";
export { fromNchw, fromOihw, toNchw, toOihw } from "./layout.ts";
export { PreparedOp } from "./op.ts";
export type { InputSpec, InputSpecs, PrepareOptions } from "./prepare.ts";

declare module "virtual:readme/train" {
  export const checkpoint: Uint8Array;
}
declare module "virtual:readme/kernel" {
  export const device: GPUDevice;
  export const y: GPUBuffer;
}
declare module "virtual:readme/weights" {
  export const gpu: import("webgraft").Gpu;
  export const report: import("webgraft").WeightsReport;
}
declare module "virtual:readme/finetune" {
  export const gpu: import("webgraft").Gpu;
  export const trainer: import("webgraft").Trainer;
  export const history: import("webgraft").History;
}
declare module "virtual:readme/lazily" {
  export const gpu: import("webgraft").Gpu;
  export const model: import("webgraft").Model;
  export const photographs: import("webgraft").DataSource;
}
declare module "virtual:readme/networks" {
  export const gpu: import("webgraft").Gpu;
  export const trainer: import("webgraft").Trainer<import("webgraft").Network, { top2: number }>;
  export const history: import("webgraft").History<import("webgraft").Network, { top2: number }>;
  export const metrics: { readonly top2: number };
  export const loss: number;
  export const distance: Float32Array;
}
declare module "vitest/browser" {
  type Shape = [N: number, H: number, W: number, C: number];
  export const commands: {
    runOnnxFixture(name: string, shape: Shape): Promise<number[]>;
    runExported(topology: string, options: object, seed: number, batch: number): Promise<number[]>;
  };
}

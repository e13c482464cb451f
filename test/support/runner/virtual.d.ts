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
declare module "virtual:readme/digits" {
  export const accuracy: number;
  export const best: readonly string[];
  export const history: import("webgraft").History;
}
declare module "virtual:readme/few" {
  export const file: Uint8Array;
  export const history: import("webgraft").History;
}
declare module "virtual:readme/loop" {
  export const losses: readonly number[];
}
declare module "virtual:readme/own" {
  export const roads: import("webgraft").Layer;
  export const seen: Readonly<Record<string, import("webgraft").Activations>>;
  export const steps: import("webgraft").History["steps"];
}
declare module "virtual:readme/smoothed" {
  export const metrics: { readonly top2: number };
  export const steps: import("webgraft").History["steps"];
}
declare module "virtual:readme/labels" {
  export const evaluation: import("webgraft").Evaluation;
  export const history: import("webgraft").History;
  export const probabilities: Float32Array;
  export const scores: readonly import("webgraft").ClassScores[];
}
declare module "virtual:readme/squared" {
  export const report: import("webgraft/testing").GradientReport;
  export const steps: import("webgraft").History["steps"];
}
declare module "virtual:readme/relu" {
  export const result: Float32Array;
}
declare module "virtual:readme/scale" {
  export const tens: Float32Array;
}
declare module "virtual:readme/tuned" {
  export const table: import("webgraft").TuningTable;
}
declare module "virtual:readme/job" {}
declare module "virtual:readme/page" {}
declare module "virtual:readme/diverges" {
  export const filters: Float32Array | undefined;
  export const first: import("webgraft").StepInfo | undefined;
  export const reason: string;
  export const same: boolean;
}
declare module "virtual:readme/planned" {
  export const bytes: readonly number[];
  export const svg: string;
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
    runOnnxBytes(file: string, shape: Shape): Promise<number[]>;
    runExported(topology: string, options: object, seed: number, batch: number): Promise<number[]>;
  };
}

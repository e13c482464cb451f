declare module "virtual:readme/train" {
  export const checkpoint: Uint8Array;
}
declare module "virtual:readme/kernel" {
  export const device: GPUDevice;
  export const y: GPUBuffer;
}

import type { Gpu } from "../gpu/device.ts";
import { Pipelines } from "../gpu/pipelines.ts";

const known = new WeakMap<GPUDevice, Pick<Gpu, "device" | "pipelines">>();

/** The caller's device with the pipelines compiled for it so far. */
export function gpuOf(device: GPUDevice): Pick<Gpu, "device" | "pipelines"> {
  let gpu = known.get(device);
  if (!gpu) {
    // The caller watches for a lost device; here a pipeline merely fails to compile.
    gpu = { device, pipelines: new Pipelines({ device, check() {} }) };
    known.set(device, gpu);
  }
  return gpu;
}

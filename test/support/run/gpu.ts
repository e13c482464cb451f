import { Gpu, openDevice } from "../../../src/gpu/device.ts";
import { matrixUnits } from "../../../src/gpu/matrix-units.ts";
import type { Task } from "../../../src/kernel/capabilities.ts";

let gpu: Promise<Gpu> | undefined;

/** The device that all tests of a page share. */
export function testGpu(): Promise<Gpu> {
  gpu ??= openDevice({ matrixUnits });
  return gpu;
}

/** Kernels that an emulated GPU takes seconds to compile: all that share through workgroup memory, but for the smallest. */
const COMPILES_LONG = /^winograd|^(?!4x4_workgroup_8x8).*_workgroup_/;

/**
 * A device of its own that says it is a real GPU, of a made-up name, which allows no kernels that would take long to compile
 * here; the caller destroys it.
 */
export async function realGpu(description: string): Promise<Gpu> {
  const { device } = await openDevice();
  const gpu = new Gpu(device, { vendor: "test", description } as GPUAdapterInfo, true);
  const allows = (task: Task, variant: string): boolean =>
    !COMPILES_LONG.test(variant) && gpu.tuning.allows(task, variant);
  Object.assign(gpu.capabilities, { allows });
  return gpu;
}

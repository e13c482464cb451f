import { Gpu, openDevice } from "../../../src/gpu/device.ts";
import { matrixUnits } from "../../../src/gpu/matrix-units.ts";

let gpu: Promise<Gpu> | undefined;

/** The device that all tests of a page share. */
export function testGpu(): Promise<Gpu> {
  gpu ??= openDevice({ matrixUnits });
  return gpu;
}

/** A device of its own that says it is a real GPU, of a made-up name; the caller destroys it. */
export async function realGpu(description: string): Promise<Gpu> {
  const { device } = await openDevice();
  return new Gpu(device, { vendor: "test", description } as GPUAdapterInfo, true);
}

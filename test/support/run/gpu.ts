import { type Gpu, openDevice } from "../../../src/gpu/device.ts";

let gpu: Promise<Gpu> | undefined;

/** The device that all tests of a page share. */
export function testGpu(): Promise<Gpu> {
  gpu ??= openDevice();
  return gpu;
}

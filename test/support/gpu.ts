import { type Gpu, openDevice } from "../../src/gpu/device.ts";
import type { Capabilities } from "../../src/kernel/capabilities.ts";

/** Makes ops take the kernels for small subgroups, which are right for larger ones too. */
export const SMALL_SUBGROUPS: Capabilities = { features: ["subgroups"], subgroupMaxSize: 4 };

let gpu: Promise<Gpu> | undefined;

/** The device that all tests of a page share. */
export function testGpu(): Promise<Gpu> {
  gpu ??= openDevice();
  return gpu;
}

/** What `defineOpTest` is to let an op count on whose kernels differ where there are subgroups: a CPU with and without. */
export async function withAndWithoutSubgroups(): Promise<Record<string, Capabilities>> {
  const { features } = (await testGpu()).capabilities;
  if (!features.includes("subgroups"))
    return { "the only kernels without subgroups": { features: [], software: true } };
  return { "": { features: [], software: true }, "small subgroups": SMALL_SUBGROUPS };
}

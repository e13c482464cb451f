import type { Gpu } from "../gpu/device.ts";
import { Pipelines } from "../gpu/pipelines.ts";
import type { Range } from "../run/executor.ts";

/** A buffer, or a part of one; `offset` is a multiple of 256 bytes. */
export type BufferRange = GPUBuffer | GPUBufferBinding;

/** The range with explicit offset and size, in bytes. */
export function resolve(range: BufferRange): Range {
  if (!("buffer" in range)) return { buffer: range, offset: 0, size: range.size };
  const { buffer, offset = 0, size = buffer.size - offset } = range;
  return { buffer, offset, size };
}

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

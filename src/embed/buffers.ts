import { Pipelines } from "../gpu/pipelines.ts";

/** A buffer, or a part of one; `offset` is a multiple of 256 bytes. */
export type BufferRange = GPUBuffer | GPUBufferBinding;

/** The range with its offset and size, in bytes, spelt out. */
export function resolve(range: BufferRange): Required<GPUBufferBinding> {
  if (!("buffer" in range)) return { buffer: range, offset: 0, size: range.size };
  const { buffer, offset = 0, size = buffer.size - offset } = range;
  return { buffer, offset, size };
}

const pipelines = new WeakMap<GPUDevice, Pipelines>();

/** What has been compiled for the caller's device so far. */
export function pipelinesOf(device: GPUDevice): Pipelines {
  let known = pipelines.get(device);
  if (!known) {
    // A lost device is the caller's to notice; here it shows as a pipeline that was not made.
    known = new Pipelines({ device, check() {} });
    pipelines.set(device, known);
  }
  return known;
}

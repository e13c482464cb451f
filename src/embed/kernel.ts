import { ShapeError } from "../base/errors.ts";
import { LaunchArgs } from "../gpu/args.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
import { LIVE_BYTES, type Live, packLive } from "../run/live.ts";
import { type BufferRange, pipelinesOf, resolve } from "./buffers.ts";

/** A buffer for each binding of a kernel, and `live`, a uniform buffer, for kernels that read live scalars. */
export type KernelBuffers<K extends Kernel> = KernelBindings<K, BufferRange> &
  (K["live"] extends true ? { readonly live: BufferRange } : unknown);

/**
 * Compiles a kernel for these constants. The kernel's header (in its `wgsl`) says what each tensor holds and
 * how many workgroups to launch, `kernel.features` what the device must have. Throws ShaderError, with file and
 * line, where the device refuses it.
 */
export async function prepareKernel<K extends Kernel>(
  device: GPUDevice,
  kernel: K,
  constants: KernelConstants<K>,
): Promise<PreparedKernel<K>> {
  const given = constants as Readonly<Record<string, number>>;
  return new PreparedKernel(device, kernel, await pipelinesOf(device).compile(kernel, given), given);
}

/** A kernel that is ready to be encoded, any number of times, into the caller's compute passes. */
export class PreparedKernel<K extends Kernel> {
  readonly kernel: K;
  readonly pipeline: GPUComputePipeline;
  readonly #device: GPUDevice;
  readonly #args: LaunchArgs;

  /** Use `prepareKernel`. */
  constructor(
    device: GPUDevice,
    kernel: K,
    pipeline: GPUComputePipeline,
    constants: Readonly<Record<string, number>>,
  ) {
    this.kernel = kernel;
    this.pipeline = pipeline;
    this.#device = device;
    this.#args = new LaunchArgs(device, [{ kernel, constants }]);
  }

  /**
   * Appends one launch to `pass`, leaving its pipeline and bind groups 0 and 1 set. Bindings need STORAGE
   * usage, `live` needs UNIFORM. Throws ShapeError for a buffer that is missing.
   */
  encode(
    pass: GPUComputePassEncoder,
    buffers: KernelBuffers<K>,
    [x, y, z]: readonly [number, number, number],
  ): void {
    const { kernel } = this;
    const layouts = pipelinesOf(this.#device);
    const given = buffers as Readonly<Record<string, BufferRange>>;
    const range = (name: string): Required<GPUBufferBinding> => {
      const found = given[name];
      if (!found) throw new ShapeError(kernel.name, `no buffer for "${name}"`);
      return resolve(found);
    };
    const group = (layout: GPUBindGroupLayout, entries: GPUBindGroupEntry[]): GPUBindGroup =>
      this.#device.createBindGroup({ label: kernel.name, layout, entries });
    const ranges = kernel.bindings.map(({ name }) => range(name));
    pass.setPipeline(this.pipeline);
    pass.setBindGroup(0, group(layouts.bindGroupLayout(kernel), this.#args.entries(0, ranges)));
    if (kernel.live) {
      pass.setBindGroup(1, group(layouts.liveLayout(), [{ binding: 0, resource: range("live") }]));
    }
    pass.dispatchWorkgroups(x, y, z);
  }

  /** Frees the uniform that holds the kernel's args, if it has some. */
  destroy(): void {
    this.#args.destroy();
  }
}

/** The bytes of a `live` buffer: `device.queue.writeBuffer(buffer, 0, liveScalars({ … }))`. */
export function liveScalars(live: Live): ArrayBuffer {
  const bytes = new ArrayBuffer(LIVE_BYTES);
  packLive(live, new DataView(bytes));
  return bytes;
}

import { Resource } from "../base/resource.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
import { Executor, encode, type Range } from "../run/executor.ts";
import { LIVE_BYTES, type Live, packLive } from "../run/live.ts";
import { type BufferRange, gpuOf } from "./buffers.ts";
import { checkApart, needsOf, resolveAll } from "./check.ts";

/** A buffer for each binding of a kernel; kernels that read live scalars also need the uniform buffer `live`. */
export type KernelBuffers<K extends Kernel> = KernelBindings<K, BufferRange> &
  (K["live"] extends true ? { readonly live: BufferRange } : unknown);

/**
 * Compiles a kernel with these constants. The header of `kernel.wgsl` says what each tensor holds and how many
 * workgroups to launch; `kernel.features` lists what the device must have. Rejects with a ShaderError that names the
 * file and line if the device refuses the kernel.
 */
export async function prepareKernel<K extends Kernel>(
  device: GPUDevice,
  kernel: K,
  constants: KernelConstants<K>,
): Promise<PreparedKernel<K>> {
  const gpu = gpuOf(device);
  const launches = [{ kernel, label: kernel.name, constants: constants as Readonly<Record<string, number>> }];
  const [pipeline] = await gpu.pipelines.compileAll(launches);
  return new PreparedKernel(kernel, pipeline!, new Executor(gpu, launches, [pipeline!]));
}

/** A compiled kernel, to encode into the caller's compute passes any number of times. */
export class PreparedKernel<K extends Kernel> {
  readonly kernel: K;
  readonly pipeline: GPUComputePipeline;
  readonly #executor: Executor;
  readonly #resource = new Resource("PreparedKernel");

  /** Use `prepareKernel`. */
  constructor(kernel: K, pipeline: GPUComputePipeline, executor: Executor) {
    this.kernel = kernel;
    this.pipeline = pipeline;
    this.#executor = executor;
  }

  /**
   * Appends one launch to `pass`; the pipeline and bind groups 0 and 1 stay set. Bindings need STORAGE usage, `live`
   * needs UNIFORM. Throws ShapeError for a buffer that is missing, unknown, too small or of another usage, for an
   * offset that is no multiple of 256, and where what is read and what is written are in one buffer.
   */
  encode(
    pass: GPUComputePassEncoder,
    buffers: KernelBuffers<K>,
    workgroups: readonly [number, number, number],
  ): void {
    this.#resource.check();
    const { name, bindings, live } = this.kernel;
    const ranges = resolveAll(name, needsOf(this.kernel), buffers as Readonly<Record<string, BufferRange>>);
    const range = (binding: string): Range => ranges.get(binding)!;
    const uses = bindings.map((binding) => ({ ...binding, range: range(binding.name) }));
    checkApart(name, live ? [...uses, { name: "live", access: "read", range: range("live") }] : uses);
    const launch = this.#executor.bind(0, workgroups, range);
    encode(pass, [launch], live ? this.#executor.bindLive(range("live")) : undefined);
  }

  /** Frees the uniform that holds the kernel's args; later calls get a DestroyedError. The caller's buffers stay. */
  destroy(): void {
    this.#resource.end();
    this.#executor.destroy();
  }
}

/** The bytes for a `live` buffer: `device.queue.writeBuffer(buffer, 0, liveScalars({ … }))`. */
export function liveScalars(live: Live): ArrayBuffer {
  const bytes = new ArrayBuffer(LIVE_BYTES);
  packLive(live, new DataView(bytes));
  return bytes;
}

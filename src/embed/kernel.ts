import { DestroyedError } from "../base/errors.ts";
import { bindingTypes, createLayout, createModule, createPipeline, LIVE_TYPES } from "../gpu/compile.ts";
import { argsBytes, compiledConstants, packArgs, withArgs } from "../kernel/args.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
import { LIVE_BYTES, type Live, packLive } from "../run/live.ts";
import { Bound } from "./bound.ts";
import type { BufferRange } from "./buffers.ts";
import { checkApart, needsOf, resolveAll } from "./check.ts";

/** A buffer for each binding of a kernel; kernels that read live scalars also need the uniform buffer `live`. */
export type KernelBuffers<K extends Kernel> = KernelBindings<K, BufferRange> &
  (K["live"] extends true ? { readonly live: BufferRange } : unknown);

/** Pipelines of each device, by text and constants: those of equal kernels are compiled once. */
const compiled = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>();

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
  const numbers: Readonly<Record<string, number>> = constants;
  const pipelines = compiled.get(device) ?? new Map();
  compiled.set(device, pipelines);
  const { wgsl, entryPoint, live } = kernel;
  const key = JSON.stringify([compiledConstants(kernel, numbers), entryPoint, bindingTypes(kernel), wgsl]);
  const layouts = [bindingTypes(kernel), ...(live ? [LIVE_TYPES] : [])].map((types) =>
    createLayout(device, types),
  );
  const pipeline: Promise<GPUComputePipeline> =
    pipelines.get(key) ?? createPipeline(device, kernel, createModule(device, kernel), numbers, layouts);
  pipelines.set(key, pipeline);
  // What failed once may work later.
  pipeline.catch(() => pipelines.delete(key));
  return new PreparedKernel(device, kernel, numbers, await pipeline);
}

/** A compiled kernel, to encode into the caller's compute passes any number of times. */
export class PreparedKernel<K extends Kernel> {
  readonly kernel: K;
  readonly pipeline: GPUComputePipeline;
  readonly #device: GPUDevice;
  readonly #args: GPUBuffer | undefined;
  #ended = false;

  /** Use `prepareKernel`. */
  constructor(
    device: GPUDevice,
    kernel: K,
    constants: Readonly<Record<string, number>>,
    pipeline: GPUComputePipeline,
  ) {
    this.kernel = kernel;
    this.pipeline = pipeline;
    this.#device = device;
    const size = argsBytes(kernel);
    if (size === 0) return;
    const bytes = new ArrayBuffer(size);
    packArgs(kernel, constants, new DataView(bytes));
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#args = device.createBuffer({ label: kernel.name, size, usage });
    device.queue.writeBuffer(this.#args, 0, bytes);
  }

  /**
   * A launch of so many workgroups on these buffers, whose bind groups are made once. Bindings need STORAGE usage, `live`
   * needs UNIFORM. Throws ShapeError for a buffer that is missing, unknown, too small or of another usage, for an
   * offset that is no multiple of 256, and where what is read and what is written are in one buffer.
   */
  bind(buffers: KernelBuffers<K>, workgroups: readonly [number, number, number]): Bound {
    this.#check();
    const { kernel, pipeline } = this;
    const ranges = resolveAll(kernel.name, needsOf(kernel), buffers as Readonly<Record<string, BufferRange>>);
    const uses = [...ranges].map(([name, range]) => {
      const { access = "read" } = kernel.bindings.find((binding) => binding.name === name) ?? {};
      return { name, range, access } as const;
    });
    checkApart(kernel.name, uses);
    const group = (index: number, resources: readonly GPUBufferBinding[]): GPUBindGroup =>
      this.#device.createBindGroup({
        layout: pipeline.getBindGroupLayout(index),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
    const own: readonly GPUBufferBinding[] = kernel.bindings.map(({ name }) => ranges.get(name)!);
    const bindGroup = group(0, this.#args ? withArgs(kernel, own, { buffer: this.#args }) : own);
    const live = kernel.live ? group(1, [ranges.get("live")!]) : undefined;
    return new Bound([{ pipeline, bindGroup, workgroups }], live, () => this.#check());
  }

  /** The same, encoded once; bind groups are made each time. */
  encode(
    pass: GPUComputePassEncoder,
    buffers: KernelBuffers<K>,
    workgroups: readonly [number, number, number],
  ): void {
    this.bind(buffers, workgroups).encode(pass);
  }

  /** Frees the uniform that holds the kernel's args; later calls get a DestroyedError. The caller's buffers stay. */
  destroy(): void {
    this.#ended = true;
    this.#args?.destroy();
  }

  // No Resource, which is for work that takes time, and larger than this.
  #check(): void {
    if (this.#ended) throw new DestroyedError("PreparedKernel: was destroyed — create a new one");
  }
}

/** The bytes for a `live` buffer: `device.queue.writeBuffer(buffer, 0, liveScalars({ … }))`. */
export function liveScalars(live: Live): ArrayBuffer {
  const bytes = new ArrayBuffer(LIVE_BYTES);
  packLive(live, new DataView(bytes));
  return bytes;
}

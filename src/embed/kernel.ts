import { DestroyedError } from "../base/errors.ts";
import { bindingTypes, createLayout, createModule, createPipeline } from "../gpu/compile.ts";
import { argsBytes, compiledConstants, packArgs, withArgs } from "../kernel/args.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
import { LIVE_BYTES, type Live, packLive } from "../run/live.ts";
import type { Bound } from "./bound.ts";
import { type BufferRange, checkApart, LIVE, resolveAll } from "./check.ts";

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
  const pipelines = compiled.get(device) ?? new Map<string, Promise<GPUComputePipeline>>();
  compiled.set(device, pipelines);
  const { wgsl, entryPoint, bindings } = kernel;
  const overrides = compiledConstants(kernel, numbers);
  const key = JSON.stringify([wgsl, entryPoint, bindings, overrides]);
  let pipeline = pipelines.get(key);
  if (!pipeline) {
    const layouts = bindingTypes(kernel).map((types) => createLayout(device, types));
    pipeline = createPipeline(device, kernel, createModule(device, kernel), overrides, layouts);
    pipelines.set(key, pipeline);
    // What failed once may work later.
    pipeline.catch(() => pipelines.delete(key));
  }
  return new PreparedKernel(device, kernel, numbers, await pipeline);
}

/** Bytes of an element, or fewer. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = { vec4f: 16, vec4u: 16, vec4h: 8 };

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
    const { name: operation, bindings, live } = kernel;
    const own = bindings.map(({ name, access, element }) => {
      return { name, access, bytes: ELEMENT_BYTES[element] ?? 4, usage: "STORAGE" } as const;
    });
    const needs = live ? [...own, LIVE] : own;
    const ranges = resolveAll(operation, needs, buffers as Readonly<Record<string, BufferRange>>);
    const uses = needs.map(({ name, access }) => ({ name, access, range: ranges.get(name)! }));
    checkApart(operation, uses);
    const resources: readonly GPUBufferBinding[] = uses.map(({ range }) => range);
    const group = (index: number, entries: readonly GPUBufferBinding[]): GPUBindGroup =>
      this.#device.createBindGroup({
        layout: pipeline.getBindGroupLayout(index),
        entries: entries.map((resource, binding) => ({ binding, resource })),
      });
    const first = resources.slice(0, bindings.length);
    const groups = [group(0, this.#args ? withArgs(kernel, first, { buffer: this.#args }) : first)];
    if (live) groups.push(group(1, resources.slice(-1)));
    return {
      encode: (pass) => {
        this.#check();
        pass.setPipeline(pipeline);
        groups.forEach((bindGroup, i) => {
          pass.setBindGroup(i, bindGroup);
        });
        pass.dispatchWorkgroups(...workgroups);
      },
    };
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

import { OutOfMemoryError, ShapeError } from "../base/errors.ts";
import { capabilitiesOf } from "../gpu/device.ts";
import { Graph } from "../graph/graph.ts";
import { lower } from "../graph/lower.ts";
import type { Dispatch, Op, Tensors } from "../graph/op.ts";
import { bytesOf, bytesWithin, type DType, type Storage, type Tensor } from "../graph/tensor.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { lifetimes } from "../plan/lifetimes.ts";
import { planMemory } from "../plan/memory.ts";
import { type BufferRange, pipelinesOf, resolve } from "./buffers.ts";
import { PreparedKernel } from "./kernel.ts";

/** A `T` for each input of an op; those that it can do without may be left out. */
type ForEach<In extends Tensors, T> = {
  readonly [K in keyof In as undefined extends In[K] ? never : K]: T;
} & { readonly [K in keyof In as undefined extends In[K] ? K : never]?: T | undefined };

/** A shape, or `{ shape, dtype }` for a tensor that does not hold f32. */
export type InputSpec = readonly number[] | { readonly shape: readonly number[]; readonly dtype: DType };

/** What is to be known of each input of an op. */
export type InputSpecs<In extends Tensors> = ForEach<In, InputSpec>;

/** A buffer for each input and output. Outputs without memory of their own (views of inputs) need none. */
export type OpBuffers<In extends Tensors, Out extends Tensors> = ForEach<In, BufferRange> & {
  readonly [K in keyof Out]?: BufferRange;
};

/**
 * Infers an op's outputs for inputs of these shapes, compiles its forward kernels, and makes the scratch
 * memory that it needs beside the caller's buffers. Throws ShapeError where the shapes do not fit.
 */
export async function prepareOp<In extends Tensors, Attrs, Out extends Tensors>(
  device: GPUDevice,
  op: Op<In, Attrs, Out>,
  inputs: InputSpecs<In>,
  attrs: Attrs,
): Promise<PreparedOp<In, Out>> {
  const { maxStorageBufferBindingSize: maxBindingBytes, maxBufferSize: maxBufferBytes } = device.limits;
  const graph = new Graph({
    mode: "eval",
    maxBindingBytes,
    device: capabilitiesOf(device, device.adapterInfo),
  });
  const tensors: Record<string, Tensor> = {};
  for (const [name, spec] of Object.entries<InputSpec | undefined>(inputs)) {
    if (!spec) continue;
    const { shape, dtype } = "shape" in spec ? spec : { shape: spec, dtype: "f32" as const };
    tensors[name] = graph.input(name, shape, dtype);
  }
  const outputs = Object.entries<Tensor | undefined>(
    graph.apply(op, op.name, tensors as unknown as In, attrs),
  );
  for (const [name, tensor] of outputs) {
    // A view of an input is in the caller's buffer already.
    const isView = Object.values(tensors).some(({ storage }) => storage === tensor?.storage);
    if (tensor && !isView) tensors[name] = tensor;
  }
  const { dispatches } = lower(graph);
  const callers = new Set(Object.values(tensors).map(({ storage }) => storage));
  const scratch = lifetimes(dispatches, new Set()).filter(({ storage }) => !callers.has(storage));
  const memory = planMemory(scratch, { maxBindingBytes, maxBufferBytes });

  const pipelines = await Promise.all(
    dispatches.map(({ kernel, constants }) => pipelinesOf(device).compile(kernel, constants)),
  );
  device.pushErrorScope("out-of-memory");
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const slabs = memory.slabs.map((size) => device.createBuffer({ label: `${op.name} scratch`, size, usage }));
  const owned = [...slabs];
  const ranges = new Map<Storage, Required<GPUBufferBinding>>();
  for (const [storage, { slab, offset }] of memory.placements) {
    ranges.set(storage, { buffer: slabs[slab]!, offset, size: bytesOf(storage) });
  }
  for (const { storage } of dispatches.flatMap(({ bindings }) => Object.values(bindings))) {
    if (!storage.data || ranges.has(storage)) continue;
    const buffer = device.createBuffer({ label: storage.name, size: bytesOf(storage), usage });
    device.queue.writeBuffer(buffer, 0, storage.data as Float32Array<ArrayBuffer>);
    ranges.set(storage, { buffer, offset: 0, size: buffer.size });
    owned.push(buffer);
  }
  const error = await device.popErrorScope();
  if (error) throw new OutOfMemoryError(`${op.name}: ${error.message}`);
  const kernels = dispatches.map(
    ({ kernel, constants }, i) => new PreparedKernel<Kernel>(device, kernel, pipelines[i]!, constants),
  );
  return new PreparedOp(op.name, tensors, dispatches, kernels, ranges, owned);
}

/** An op that is ready to be encoded, any number of times, into the caller's compute passes. */
export class PreparedOp<In extends Tensors, Out extends Tensors> {
  readonly name: string;
  /** Every tensor that the caller gives a buffer for, with its shape. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The kernels that run, in order, with their constants and workgroups. */
  readonly dispatches: readonly Dispatch[];
  readonly #kernels: readonly PreparedKernel<Kernel>[];
  readonly #ranges: ReadonlyMap<Storage, Required<GPUBufferBinding>>;
  readonly #owned: readonly GPUBuffer[];

  /** Use `prepareOp`. */
  constructor(
    name: string,
    tensors: Readonly<Record<string, Tensor>>,
    dispatches: readonly Dispatch[],
    kernels: readonly PreparedKernel<Kernel>[],
    ranges: ReadonlyMap<Storage, Required<GPUBufferBinding>>,
    owned: readonly GPUBuffer[],
  ) {
    this.name = name;
    this.tensors = tensors;
    this.dispatches = dispatches;
    this.#kernels = kernels;
    this.#ranges = ranges;
    this.#owned = owned;
  }

  /** Bytes that the buffer of a tensor needs, padding included. */
  bytes(name: string): number {
    const tensor = this.tensors[name];
    if (!tensor) throw new ShapeError(this.name, "has no such tensor", name);
    return bytesWithin(tensor).size;
  }

  /**
   * Appends the op's launches to `pass`. `live` is a uniform buffer for ops with live scalars, such as dropout.
   * Throws ShapeError for a buffer that is missing or too small.
   */
  encode(pass: GPUComputePassEncoder, buffers: OpBuffers<In, Out> & { readonly live?: BufferRange }): void {
    const given = buffers as Readonly<Record<string, BufferRange | undefined>>;
    const ranges = new Map(this.#ranges);
    for (const [name, { storage }] of Object.entries(this.tensors)) {
      const range = given[name] && resolve(given[name]);
      const needed = this.bytes(name);
      if (!range || range.size < needed) {
        const got = range ? `${range.size} bytes` : "no buffer";
        throw new ShapeError(this.name, `${name} needs ${needed} bytes`, `got ${got}`);
      }
      ranges.set(storage, { ...range, size: needed });
    }
    this.dispatches.forEach(({ bindings, workgroups }, i) => {
      const bound: Record<string, BufferRange> = given.live ? { live: given.live } : {};
      for (const [binding, tensor] of Object.entries(bindings)) {
        const range = ranges.get(tensor.storage)!;
        const { offset, size } = bytesWithin(tensor);
        bound[binding] = { buffer: range.buffer, offset: range.offset + offset, size };
      }
      this.#kernels[i]!.encode(pass, bound, workgroups);
    });
  }

  /** Frees the scratch memory. */
  destroy(): void {
    for (const kernel of this.#kernels) kernel.destroy();
    for (const buffer of this.#owned) buffer.destroy();
  }
}

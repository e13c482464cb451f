import { OutOfMemoryError, ShapeError } from "../base/errors.ts";
import { Resource } from "../base/resource.ts";
import { capabilitiesOf, describeAdapter } from "../gpu/device.ts";
import { Tuning, type TuningTable } from "../gpu/tuning.ts";
import { Graph } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import type { Dispatch, Op, Tensors } from "../graph/op.ts";
import { bytesWithin, type DType, type Storage, type Tensor } from "../graph/tensor.ts";
import { type Plan, plan } from "../plan/plan.ts";
import { Buffers } from "../run/buffers.ts";
import { Executor, encode, type Range } from "../run/executor.ts";
import { type BufferRange, gpuOf } from "./buffers.ts";
import { checkApart, LIVE, type Need, resolveAll, type Use } from "./check.ts";

/** A `T` for each input of an op; optional inputs may be left out. */
type ForEach<In extends Tensors, T> = {
  readonly [K in keyof In as undefined extends In[K] ? never : K]: T;
} & { readonly [K in keyof In as undefined extends In[K] ? K : never]?: T | undefined };

/** A shape, or `{ shape, dtype }` for a tensor that is not f32. */
export type InputSpec = readonly number[] | { readonly shape: readonly number[]; readonly dtype: DType };

/** Shape and dtype of each input of an op. */
export type InputSpecs<In extends Tensors> = ForEach<In, InputSpec>;

/** A buffer for each input and output. Outputs that are views of inputs need none. */
export type OpBuffers<In extends Tensors, Out extends Tensors> = ForEach<In, BufferRange> & {
  readonly [K in keyof Out]?: BufferRange;
};

/** Options of `prepareOp`. */
export interface PrepareOptions {
  /** Measurements of this device, from `gpu.tuning.export()`. A table of another device is ignored. */
  readonly tuning?: TuningTable;
}

/**
 * Infers an op's outputs for inputs of these shapes, compiles its forward kernels, and allocates the memory it needs
 * besides the caller's buffers. Rejects with a ShapeError if the shapes do not fit the op, and with a DataError if
 * `tuning` is not a valid table, and with an OutOfMemoryError if the GPU has no room.
 */
export async function prepareOp<In extends Tensors, Attrs, Out extends Tensors>(
  device: GPUDevice,
  op: Op<In, Attrs, Out>,
  inputs: InputSpecs<In>,
  attrs: Attrs,
  options: PrepareOptions = {},
): Promise<PreparedOp<In, Out>> {
  const { maxStorageBufferBindingSize: maxBindingBytes, maxBufferSize: maxBufferBytes } = device.limits;
  const tuning = new Tuning(describeAdapter(device.adapterInfo));
  if (options.tuning) tuning.import(options.tuning);
  const capabilities = capabilitiesOf(device, device.adapterInfo, tuning);
  const graph = new Graph({ mode: "eval", maxBindingBytes, device: capabilities });
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
    // A view of an input is already in the caller's buffer.
    const isView = Object.values(tensors).some(({ storage }) => storage === tensor?.storage);
    if (tensor && !isView) tensors[name] = tensor;
  }
  const given = new Set(Object.values(tensors).map(({ storage }) => storage));
  const planned = plan({ ...lowerForward(graph), given }, { maxBindingBytes, maxBufferBytes });
  const pipelines = await gpuOf(device).pipelines.compileAll(planned.dispatches);
  device.pushErrorScope("out-of-memory");
  const prepared = new PreparedOp<In, Out>(device, op.name, tensors, planned, pipelines);
  const error = await device.popErrorScope();
  if (error) {
    prepared.destroy();
    throw new OutOfMemoryError(`${op.name}: ${error.message}`);
  }
  return prepared;
}

/** A compiled op, to encode into the caller's compute passes any number of times. */
export class PreparedOp<In extends Tensors, Out extends Tensors> {
  /** Of the op. */
  readonly name: string;
  /** The tensors that the caller must give buffers for. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The launches in order, with their kernels, constants and workgroups. */
  readonly dispatches: readonly Dispatch[];
  readonly #executor: Executor;
  readonly #buffers: Buffers;
  readonly #resource = new Resource("PreparedOp");
  /** The caller's buffers for the launches being encoded. */
  readonly #given = new Map<Storage, Range>();

  /** Use `prepareOp`. */
  constructor(
    device: GPUDevice,
    name: string,
    tensors: Readonly<Record<string, Tensor>>,
    planned: Plan,
    pipelines: readonly GPUComputePipeline[],
  ) {
    this.name = name;
    this.tensors = tensors;
    this.dispatches = planned.dispatches;
    this.#executor = new Executor(gpuOf(device), planned.dispatches, pipelines);
    this.#buffers = new Buffers(device, planned, (storage) => this.#given.get(storage)!);
  }

  /** Bytes that a tensor's buffer needs, padding included. Throws ShapeError for an unknown name. */
  bytes(name: string): number {
    this.#resource.check();
    const tensor = this.tensors[name];
    if (!tensor) throw new ShapeError(this.name, "has no such tensor", name);
    return bytesWithin(tensor).size;
  }

  /**
   * Appends the op's launches to `pass`. Ops that read live scalars, such as dropout, need the uniform buffer `live`.
   * Throws ShapeError for a buffer that is missing, unknown, too small or of another usage, for an offset that is no
   * multiple of 256, and where what is read and what is written are in one buffer.
   */
  encode(pass: GPUComputePassEncoder, buffers: OpBuffers<In, Out> & { readonly live?: BufferRange }): void {
    this.#resource.check();
    const isLive = this.dispatches.some(({ kernel }) => kernel.live);
    const needs = Object.keys(this.tensors).map((name): [string, Need] => [
      name,
      { bytes: this.bytes(name), usage: "STORAGE" },
    ]);
    if (isLive) needs.push(["live", LIVE]);
    const ranges = resolveAll(this.name, new Map(needs), buffers as Readonly<Record<string, BufferRange>>);
    const names = new Map(Object.entries(this.tensors).map(([name, { storage }]) => [storage, name]));
    for (const [storage, name] of names) this.#given.set(storage, ranges.get(name)!);
    for (const { kernel, bindings } of this.dispatches) {
      const uses = kernel.bindings.map(({ name, access }): Use => {
        const tensor = bindings[name]!;
        return { name: names.get(tensor.storage) ?? tensor.name, access, range: this.#buffers.range(tensor) };
      });
      if (kernel.live) uses.push({ name: "live", access: "read", range: ranges.get("live")! });
      checkApart(this.name, uses);
    }
    const launches = this.dispatches.map(({ bindings, workgroups }, i) =>
      this.#executor.bind(i, workgroups, (name) => this.#buffers.range(bindings[name]!)),
    );
    encode(pass, launches, isLive ? this.#executor.bindLive(ranges.get("live")!) : undefined);
  }

  /** Frees the memory allocated by `prepareOp`; the caller's buffers stay. */
  destroy(): void {
    this.#resource.end();
    this.#executor.destroy();
    this.#buffers.destroy();
  }
}

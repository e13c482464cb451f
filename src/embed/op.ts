import { ShapeError } from "../base/errors.ts";
import { Resource } from "../base/resource.ts";
import type { Dispatch } from "../graph/op.ts";
import { bytesOf, bytesWithin, type Storage, type Tensor } from "../graph/tensor.ts";
import type { Plan } from "../plan/plan.ts";
import { Buffers } from "../run/buffers.ts";
import { Executor, encode, type Range } from "../run/executor.ts";
import type { Bound } from "./bound.ts";
import { type BufferRange, checkApart, LIVE, type Need, resolveAll, type Use } from "./check.ts";
import { gpuOf } from "./device.ts";

/** A compiled op or its gradients, to encode into the caller's compute passes any number of times. */
export class PreparedOp<Given> {
  /** Of the op. */
  readonly name: string;
  /** The tensors that the caller must give buffers for. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The launches in order, with their kernels, constants and workgroups. */
  readonly dispatches: readonly Dispatch[];
  /** Memory that was allocated besides the caller's. */
  readonly workspaceBytes: number;
  readonly #executor: Executor;
  readonly #buffers: Buffers;
  readonly #resource = new Resource("PreparedOp");
  /** The caller's buffers for the launches being bound. */
  readonly #given = new Map<Storage, Range>();

  /** Use `prepareOp` or `prepareBackward`. */
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
    const kept = [...planned.persistent].map(bytesOf);
    this.workspaceBytes = [...planned.memory.slabs, ...kept].reduce((sum, bytes) => sum + bytes, 0);
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
   * The launches on these buffers, whose bind groups are made once. Ops that read live scalars, such as dropout, need the
   * uniform buffer `live`. Throws ShapeError for a buffer that is missing, unknown, too small or of another usage, for an
   * offset that is no multiple of 256, and where what is read and what is written are in one buffer.
   */
  bind(buffers: Given): Bound {
    this.#resource.check();
    const isLive = this.dispatches.some(({ kernel }) => kernel.live);
    const needs = Object.keys(this.tensors).map(
      (name): Need => ({
        name,
        bytes: this.bytes(name),
        usage: "STORAGE",
      }),
    );
    if (isLive) needs.push(LIVE);
    const ranges = resolveAll(this.name, needs, buffers as Readonly<Record<string, BufferRange>>);
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
    const live = isLive ? this.#executor.bindLive(ranges.get("live")!) : undefined;
    return {
      encode: (pass) => {
        this.#resource.check();
        encode(pass, launches, live);
      },
    };
  }

  /** The same, encoded once; bind groups are made each time. */
  encode(pass: GPUComputePassEncoder, buffers: Given): void {
    this.bind(buffers).encode(pass);
  }

  /** Frees the memory allocated when it was prepared; the caller's buffers stay. */
  destroy(): void {
    this.#resource.end();
    this.#executor.destroy();
    this.#buffers.destroy();
  }
}

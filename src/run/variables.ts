import { WeightsError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { Resource } from "../base/resource.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Variable } from "../graph/graph.ts";
import { bytesOf, bytesWithin, pad, type Storage, type Tensor } from "../graph/tensor.ts";
import { Turns } from "./turns.ts";
import { fromStored, toStored, type Values } from "./values.ts";

/**
 * Buffers that outlive a step and are shared by sessions: parameters, gradients, running statistics and the optimizer's
 * moments, keyed by the name of their storage. All graphs of a model lay them out alike, whatever the batch size or
 * mode.
 */
export class Variables {
  /** Who may use them when. */
  readonly turns = new Turns();
  readonly #gpu: Gpu;
  readonly #resource = new Resource("Variables");
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** The buffer of a storage, created with zeros when first asked for. */
  buffer(storage: Storage): GPUBuffer {
    this.#resource.check();
    const { name } = storage;
    let buffer = this.#buffers.get(name);
    if (!buffer) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      buffer = this.#gpu.device.createBuffer({ label: name, size: bytesOf(storage), usage });
      this.#buffers.set(name, buffer);
    }
    return buffer;
  }

  /** Draws initial values; each variable has its own random stream, named after it. */
  initialize(variables: readonly Variable[], seed: number): void {
    for (const { name, tensor, init } of variables) {
      this.write(tensor, init(tensor.shape, new Random(seed, name)));
    }
  }

  /**
   * Writes values in logical order. Throws WeightsError if their number does not match the tensor's shape, and
   * BusyError while a run uses the variables.
   */
  write(tensor: Tensor, values: Values): void {
    this.#resource.check();
    this.turns.checkFree("writing weights");
    const expected = tensor.shape.reduce((product, extent) => product * extent, 1);
    if (values.length !== expected) {
      throw new WeightsError(
        `${tensor.name}: expects ${expected} values (${tensor.shape.join(", ")}), got ${values.length}`,
      );
    }
    const padded = values instanceof Float32Array ? pad(values, tensor.shape) : values;
    const bytes = toStored(tensor, padded);
    this.#gpu.device.queue.writeBuffer(this.buffer(tensor.storage), bytesWithin(tensor).offset, bytes);
  }

  /** Fills storages with zeros, before whatever is submitted next. The promise tells whether the GPU took the work. */
  clear(storages: Iterable<Storage>): Promise<void> {
    return this.#gpu.guard("clearing variables", () => {
      this.#resource.check();
      const { device } = this.#gpu;
      const encoder = device.createCommandEncoder();
      for (const storage of storages) encoder.clearBuffer(this.buffer(storage));
      device.queue.submit([encoder.finish()]);
    });
  }

  /** Copies storages to others of the same length. The promise tells whether the GPU took the work. */
  copy(pairs: Iterable<readonly [from: Storage, to: Storage]>): Promise<void> {
    return this.#gpu.guard("copying variables", () => {
      this.#resource.check();
      const { device } = this.#gpu;
      const encoder = device.createCommandEncoder();
      for (const [from, to] of pairs) {
        encoder.copyBufferToBuffer(this.buffer(from), 0, this.buffer(to), 0, bytesOf(from));
      }
      device.queue.submit([encoder.finish()]);
    });
  }

  /** Reads values in logical order, in turn: between two steps if a run uses them. */
  read(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    return this.turn("reading weights", ({ read }) => read(tensors));
  }

  /**
   * Runs `work` in its turn, when nobody else uses or reads the variables; it may read them at once. Rejects with a
   * DestroyedError if they are destroyed before.
   */
  turn<T>(name: string, work: (variables: Pick<Variables, "read">) => Promise<T>): Promise<T> {
    return this.#resource.run(() =>
      this.turns.take(name, async () => {
        this.#resource.check();
        return work({ read: (tensors) => this.#read(tensors) });
      }),
    );
  }

  async #read(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    const { device } = this.#gpu;
    const size = tensors.reduce((sum, tensor) => sum + bytesWithin(tensor).size, 0);
    if (size === 0) return [];
    return this.#gpu.guard("reading variables", async () => {
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = device.createBuffer({ label: "readback of variables", size, usage });
      const encoder = device.createCommandEncoder();
      let at = 0;
      const ranges = tensors.map((tensor) => {
        const { offset, size } = bytesWithin(tensor);
        encoder.copyBufferToBuffer(this.buffer(tensor.storage), offset, staging, at, size);
        at += size;
        return [at - size, size] as const;
      });
      device.queue.submit([encoder.finish()]);
      try {
        await staging.mapAsync(GPUMapMode.READ);
        return tensors.map(
          (tensor, i) =>
            fromStored(tensor, staging.getMappedRange(...ranges[i]!).slice(0)) as Float32Array<ArrayBuffer>,
        );
      } finally {
        staging.destroy();
      }
    });
  }

  /** Frees the buffers; whoever has a turn or waits for one gets a DestroyedError. */
  destroy(): void {
    this.#resource.end();
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }
}

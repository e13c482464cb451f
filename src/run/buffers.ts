import type { Gpu } from "../gpu/device.ts";
import { bytesOf, bytesWithin, type Storage, type Tensor } from "../graph/tensor.ts";
import type { Plan } from "../plan/plan.ts";
import type { Variables } from "./variables.ts";

/** Which buffer each storage of a plan lives in. */
export class Buffers {
  readonly #plan: Plan;
  readonly #slabs: readonly GPUBuffer[];
  readonly #own = new Map<Storage, GPUBuffer>();
  readonly #shared = new Map<Storage, GPUBuffer>();

  constructor({ device }: Gpu, plan: Plan, variables: Variables) {
    this.#plan = plan;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#slabs = plan.memory.slabs.map((size, i) =>
      device.createBuffer({ label: `slab ${i}`, size, usage }),
    );
    for (const storage of plan.persistent) {
      if (storage.role === "input" || storage.role === "constant") {
        const buffer = device.createBuffer({
          label: storage.name,
          size: Math.max(bytesOf(storage), 16),
          usage,
        });
        if (storage.data) device.queue.writeBuffer(buffer, 0, storage.data as Float32Array<ArrayBuffer>);
        this.#own.set(storage, buffer);
      } else {
        this.#shared.set(storage, variables.buffer(storage));
      }
    }
  }

  of(storage: Storage): GPUBuffer {
    const placement = this.#plan.memory.placements.get(storage);
    return placement ? this.#slabs[placement.slab]! : (this.#own.get(storage) ?? this.#shared.get(storage)!);
  }

  range(tensor: Tensor): { buffer: GPUBuffer; offset: number; size: number } {
    const { storage } = tensor;
    const base = this.#plan.memory.placements.get(storage)?.offset ?? 0;
    const { offset, size } = bytesWithin(tensor);
    return { buffer: this.of(storage), offset: base + offset, size };
  }

  destroy(): void {
    for (const buffer of [...this.#slabs, ...this.#own.values()]) buffer.destroy();
  }
}

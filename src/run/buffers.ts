import { bytesOf, bytesWithin, type Storage, type Tensor } from "../graph/tensor.ts";
import type { Plan } from "../plan/plan.ts";
import type { Range } from "./executor.ts";

/** Where a storage begins. */
type Place = Pick<Range, "buffer" | "offset">;

/** Where the storages of a plan lie: temporaries on slabs, inputs and constants in buffers of their own. */
export class Buffers {
  readonly #places = new Map<Storage, Place>();
  readonly #owned: GPUBuffer[] = [];
  readonly #others: (storage: Storage) => Place;

  /** `others` says where those storages lie that are not made here. */
  constructor(device: GPUDevice, { memory, persistent }: Plan, others: (storage: Storage) => Place) {
    this.#others = others;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const create = (label: string, size: number): GPUBuffer => {
      const buffer = device.createBuffer({ label, size, usage });
      this.#owned.push(buffer);
      return buffer;
    };
    const slabs = memory.slabs.map((size, i) => create(`slab ${i}`, size));
    for (const [storage, { slab, offset }] of memory.placements) {
      this.#places.set(storage, { buffer: slabs[slab]!, offset });
    }
    for (const storage of persistent) {
      if (storage.role !== "input" && storage.role !== "constant") continue;
      const buffer = create(storage.name, Math.max(bytesOf(storage), 16));
      if (storage.data) device.queue.writeBuffer(buffer, 0, storage.data as Float32Array<ArrayBuffer>);
      this.#places.set(storage, { buffer, offset: 0 });
    }
  }

  range(tensor: Tensor): Range {
    const { storage } = tensor;
    const { buffer, offset: start } = this.#places.get(storage) ?? this.#others(storage);
    const { offset, size } = bytesWithin(tensor);
    return { buffer, offset: start + offset, size };
  }

  /** Frees what was made here. */
  destroy(): void {
    for (const buffer of this.#owned) buffer.destroy();
  }
}

import { bytesOf, bytesWithin, type Storage, type Tensor } from "../graph/tensor.ts";
import type { Plan } from "../plan/plan.ts";
import type { Range } from "./executor.ts";

/** Where a storage begins. */
type Place = Pick<Range, "buffer" | "offset">;

/** The buffers of a plan's storages: temporaries lie on slabs, each input and constant has its own buffer. */
export class Buffers {
  readonly #places = new Map<Storage, Place>();
  readonly #owned: GPUBuffer[] = [];
  readonly #others: (storage: Storage) => Place;

  /** `others` finds storages that are not created here. */
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

  /** Frees the buffers created here. */
  destroy(): void {
    for (const buffer of this.#owned) buffer.destroy();
  }
}

/** GPU timestamps at the beginnings and ends of compute passes; browsers round them (Chrome to 0.1 ms). */
export class Timestamps {
  readonly #set: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #count: number;

  /** Makes room for `count` timestamps. The device must have `timestamp-query`. */
  constructor(device: GPUDevice, count: number) {
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const size = 8 * count;
    this.#count = count;
    this.#set = device.createQuerySet({ type: "timestamp", count });
    this.#resolved = device.createBuffer({ label: "timestamps", size, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = device.createBuffer({ label: "timestamps", size, usage: MAP_READ | COPY_DST });
  }

  /** Descriptor of a pass that writes timestamp `first` at its beginning and `first + 1` at its end. */
  pass(first: number): GPUComputePassDescriptor {
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [first, first + 1];
    return { timestampWrites: { querySet: this.#set, beginningOfPassWriteIndex, endOfPassWriteIndex } };
  }

  /** Copies the timestamps to where the host can read them. Call it after the passes. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#set, 0, this.#count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 8 * this.#count);
  }

  /** Waits for all timestamps, in milliseconds since the first. */
  async read(): Promise<readonly number[]> {
    await this.#staging.mapAsync(GPUMapMode.READ);
    const times = [...new BigUint64Array(this.#staging.getMappedRange())];
    return times.map((time) => Number(time - times[0]!) / 1e6);
  }

  destroy(): void {
    this.#set.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}

import { type Spread, spread } from "../statistics.ts";

export interface Sampling {
  readonly samples: number;
  /** The work is repeated until a sample takes this long. */
  readonly minMs: number;
}

/** Times work on the GPU: by timestamps if the device has them, else until the queue is idle. */
export class Stopwatch {
  readonly #device: GPUDevice;
  readonly #timestamps: Timestamps | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    if (device.features.has("timestamp-query")) this.#timestamps = new Timestamps(device);
  }

  /** The time of one `encode`, from several in a pass if one is too short. The first one warms up. */
  async measure(
    encode: (pass: GPUComputePassEncoder) => void,
    { samples, minMs }: Sampling,
  ): Promise<Spread> {
    await this.#pass(encode, 1);
    let repeats = 1;
    let ms = await this.#pass(encode, repeats);
    while (ms < minMs && repeats < MAX_REPEATS) {
      // If the clock shows no time yet, many more are needed.
      repeats = Math.min(MAX_REPEATS, Math.ceil(repeats * Math.min(16, (1.2 * minMs) / Math.max(ms, 1e-3))));
      ms = await this.#pass(encode, repeats);
    }
    const times = [ms];
    while (times.length < samples) times.push(await this.#pass(encode, repeats));
    return spread(times.map((time) => time / repeats));
  }

  async #pass(encode: (pass: GPUComputePassEncoder) => void, repeats: number): Promise<number> {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass(this.#timestamps?.descriptor);
    for (let i = 0; i < repeats; i++) encode(pass);
    pass.end();
    this.#timestamps?.resolve(encoder);
    const start = performance.now();
    this.#device.queue.submit([encoder.finish()]);
    if (this.#timestamps) return this.#timestamps.read();
    await this.#device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  }
}

const MAX_REPEATS = 4096;

/** The timestamps at the beginning and end of a pass. */
class Timestamps {
  readonly descriptor: GPUComputePassDescriptor;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  constructor(device: GPUDevice) {
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 });
    const { QUERY_RESOLVE, COPY_SRC, MAP_READ, COPY_DST } = GPUBufferUsage;
    this.#resolved = device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = device.createBuffer({ size: 16, usage: MAP_READ | COPY_DST });
    this.descriptor = {
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      },
    };
  }

  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
  }

  async read(): Promise<number> {
    await this.#staging.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigUint64Array(this.#staging.getMappedRange());
    const ms = Number(end! - begin!) / 1e6;
    this.#staging.unmap();
    return ms;
  }
}

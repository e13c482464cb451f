import { BusyError, DataError, DeviceError, WebgraftError } from "../base/errors.ts";
import { type Destroyable, making, Resource } from "../base/resource.ts";
import type { Gpu } from "../gpu/device.ts";
import { Timestamps } from "../gpu/timestamps.ts";
import { bytesWithin } from "../graph/tensor.ts";
import { type Plan, plan, type Steps } from "../plan/plan.ts";
import { Buffers } from "./buffers.ts";
import { Executor, encode, type Launch, type Range } from "./executor.ts";
import { IN_FLIGHT } from "./in-flight.ts";
import { LIVE_BYTES, type Live, packLive } from "./live.ts";
import { fromStored, toStored, type Values } from "./values.ts";
import type { Variables } from "./variables.ts";

/** Fills an input with its own GPU commands, submitted before those of the step. */
export type InputWriter = (input: Range) => void;

/** The values of a plan's inputs in the padded layout (`pad` in graph/tensor.ts), or functions that write them. */
export type Feeds = Readonly<Record<string, Values | InputWriter>>;
/** The values of a plan's outputs, in logical order. */
export type Outputs = Readonly<Record<string, Values<ArrayBuffer>>>;

/** GPU time of one launch in a profiled step. */
export interface LaunchTime {
  readonly label: string;
  readonly kernel: string;
  readonly milliseconds: number;
}

/** Plans a program, or part of one, within the device's limits and opens a session on it. `variables` are shared. */
export const openSession = (gpu: Gpu, steps: Steps, variables: Pick<Variables, "buffer">): Promise<Session> =>
  Session.create(gpu, plan(steps, gpu.limits), variables);

/**
 * Runs a plan step after step. `create` makes all pipelines, buffers and bind groups. A step only writes the inputs and
 * one small uniform, replays a flat list of launches in one compute pass, and copies the outputs to a readback buffer.
 */
export class Session {
  readonly plan: Plan;
  readonly #gpu: Gpu;
  readonly #launches: readonly Launch[];
  readonly #buffers: Buffers;
  readonly #executor: Executor;
  readonly #outputs: readonly Range[];
  readonly #live = new DataView(new ArrayBuffer(LIVE_BYTES));
  readonly #liveBuffer: GPUBuffer;
  readonly #liveGroup: GPUBindGroup;
  readonly #staging: readonly GPUBuffer[];
  readonly #free: GPUBuffer[];
  readonly #waiting: (() => void)[] = [];
  readonly #resource = new Resource("Session");

  /** Compiles the plan's pipelines in parallel and creates its buffers. `variables` are shared. */
  static async create(gpu: Gpu, plan: Plan, variables: Pick<Variables, "buffer">): Promise<Session> {
    const pipelines = await gpu.pipelines.compileAll(plan.dispatches);
    return making((keep) => gpu.guard("session", () => new Session(gpu, plan, variables, pipelines, keep)));
  }

  private constructor(
    gpu: Gpu,
    plan: Plan,
    variables: Pick<Variables, "buffer">,
    pipelines: readonly GPUComputePipeline[],
    keep: <P extends Destroyable>(part: P) => P,
  ) {
    const { device } = gpu;
    this.#gpu = gpu;
    this.plan = plan;
    this.#buffers = keep(
      new Buffers(device, plan, (storage) => ({ buffer: variables.buffer(storage), offset: 0 })),
    );
    this.#executor = keep(new Executor(gpu, plan.dispatches, pipelines));
    this.#launches = plan.dispatches.map(({ bindings, workgroups }, i) =>
      this.#executor.bind(i, workgroups, (name) => this.#buffers.range(bindings[name]!)),
    );
    this.#liveBuffer = keep(
      device.createBuffer({
        label: "live scalars",
        size: this.#live.byteLength,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      }),
    );
    this.#liveGroup = this.#executor.bindLive({ buffer: this.#liveBuffer });
    this.#outputs = [...plan.outputs.values()].map((tensor) => this.#buffers.range(tensor));
    const size = this.#outputs.reduce((sum, output) => sum + output.size, 0);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = Array.from({ length: IN_FLIGHT }, (_, i) =>
      keep(device.createBuffer({ label: `readback ${i}`, size: Math.max(size, 16), usage })),
    );
    this.#free = [...this.#staging];
  }

  /** Resolves when another step may be submitted: at most two are in flight. */
  async ready(): Promise<void> {
    this.#check();
    if (this.#free.length > 0) return;
    await this.#resource.during(new Promise<void>((resolve) => this.#waiting.push(resolve)));
  }

  /**
   * Submits one step and returns a promise of its outputs. Wait for `ready()` first. The host's work is done when this
   * returns: a write for each input, one for the live scalars, and encoding the launches. Throws DataError for missing
   * inputs or wrong lengths, and BusyError if two steps are in flight; rejects if the device refuses the step or is lost.
   */
  submit(feeds: Feeds, live: Live): Promise<Outputs> {
    this.#check();
    const staging = this.#free.pop();
    if (!staging) throw new BusyError("session: two steps are in flight — wait for ready() before the next");
    try {
      const { accepted } = this.#gpu.watch("step", () => this.#submit(feeds, live, staging));
      return this.#readBack(staging, accepted);
    } catch (error) {
      this.#release(staging);
      throw error;
    }
  }

  /**
   * Runs one step with each launch in its own pass, between two timestamps. Browsers round timestamps (Chrome to
   * 0.1 ms). Rejects with a DeviceError if the adapter lacks `timestamp-query`.
   */
  async profile(feeds: Feeds, live: Live): Promise<readonly LaunchTime[]> {
    this.#check();
    const { device } = this.#gpu;
    checkTimestamps(this.#gpu);
    const timestamps = new Timestamps(device, 2 * this.#launches.length);
    try {
      const times = await this.#guard("profile", () => {
        this.#write(feeds, live);
        const encoder = device.createCommandEncoder();
        this.#launches.forEach((launch, i) => {
          this.#replay(encoder.beginComputePass(timestamps.pass(2 * i)), [launch]);
        });
        timestamps.resolve(encoder);
        device.queue.submit([encoder.finish()]);
        return timestamps.read();
      });
      return this.plan.dispatches.map(({ label, kernel }, i) => ({
        label,
        kernel: kernel.name,
        milliseconds: times[2 * i + 1]! - times[2 * i]!,
      }));
    } finally {
      timestamps.destroy();
    }
  }

  /**
   * Average milliseconds of `replays` steps in a row on the inputs already in memory, by timestamps or, where the
   * adapter has none, by the clock.
   */
  async time(replays: number): Promise<number> {
    this.#check();
    const { device } = this.#gpu;
    const launches = Array.from({ length: replays }, () => this.#launches).flat();
    const timestamps = device.features.has("timestamp-query") ? new Timestamps(device, 2) : undefined;
    try {
      return await this.#guard("timing", async () => {
        const encoder = device.createCommandEncoder();
        this.#replay(encoder.beginComputePass(timestamps?.pass(0)), launches);
        timestamps?.resolve(encoder);
        const start = performance.now();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        const elapsed = performance.now() - start;
        const [begin, end] = (await timestamps?.read()) ?? [0, elapsed];
        return (end! - begin!) / replays;
      });
    } finally {
      timestamps?.destroy();
    }
  }

  /** Ends the session and frees its buffers: steps in flight reject with a DestroyedError. The variables stay. */
  destroy(): void {
    this.#resource.end();
    this.#buffers.destroy();
    this.#executor.destroy();
    this.#liveBuffer.destroy();
    for (const staging of this.#staging) staging.destroy();
  }

  #check(): void {
    this.#resource.check();
    this.#gpu.check();
  }

  #guard<T>(operation: string, run: () => Promise<T>): Promise<T> {
    return this.#resource.during(this.#gpu.guard(operation, run));
  }

  #submit(feeds: Feeds, live: Live, staging: GPUBuffer): void {
    const { device } = this.#gpu;
    this.#write(feeds, live);
    const encoder = device.createCommandEncoder();
    this.#replay(encoder.beginComputePass(), this.#launches);
    let at = 0;
    for (const { buffer, offset, size } of this.#outputs) {
      encoder.copyBufferToBuffer(buffer, offset, staging, at, size);
      at += size;
    }
    device.queue.submit([encoder.finish()]);
  }

  #write(feeds: Feeds, live: Live): void {
    const { queue } = this.#gpu.device;
    for (const [name, tensor] of this.plan.inputs) {
      const { storage } = tensor;
      const values = feeds[name];
      if (typeof values === "function") {
        values(this.#buffers.range(tensor));
        continue;
      }
      if (values?.length !== storage.length) {
        throw new DataError(
          `input ${name}: expects ${storage.length} values in the padded layout, got ${values?.length ?? "none"}`,
        );
      }
      queue.writeBuffer(this.#buffers.range(tensor).buffer, 0, toStored(tensor, values));
    }
    packLive(live, this.#live);
    queue.writeBuffer(this.#liveBuffer, 0, this.#live.buffer);
  }

  #replay(pass: GPUComputePassEncoder, launches: readonly Launch[]): void {
    encode(pass, launches, this.#liveGroup);
    pass.end();
  }

  async #readBack(staging: GPUBuffer, accepted: Promise<void>): Promise<Outputs> {
    try {
      const mapped = Promise.all([staging.mapAsync(GPUMapMode.READ), accepted]);
      await this.#resource.during(this.#gpu.during(mapped));
      const bytes = staging.getMappedRange();
      const outputs: Record<string, Values<ArrayBuffer>> = {};
      let at = 0;
      for (const [name, tensor] of this.plan.outputs) {
        const { size } = bytesWithin(tensor);
        outputs[name] = fromStored(tensor, bytes.slice(at, at + size));
        at += size;
      }
      return outputs;
    } catch (error) {
      if (error instanceof WebgraftError) throw error;
      return await this.#gpu.blame(error);
    } finally {
      unmap(staging);
      this.#release(staging);
    }
  }

  #release(staging: GPUBuffer): void {
    this.#free.push(staging);
    this.#waiting.shift()?.();
  }
}

/** Throws DeviceError unless the device can tell how long launches take. */
export function checkTimestamps({ device }: Gpu): void {
  if (device.features.has("timestamp-query")) return;
  throw new DeviceError("profile: the adapter lacks the WebGPU feature timestamp-query");
}

/** Deno throws where the device is lost; what its loss means is told otherwise. */
function unmap(buffer: GPUBuffer): void {
  try {
    buffer.unmap();
  } catch {}
}

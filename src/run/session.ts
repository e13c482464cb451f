import { DataError, WebgraftError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { type Storage, storedLength, type Tensor, unpad } from "../graph/tensor.ts";
import type { Plan } from "../plan/plan.ts";
import type { Variables } from "./variables.ts";

/** What changes from step to step; `shaders/lib/live.wgsl`. */
export interface Live {
  /** 1 for the first optimizer step. */
  readonly step: number;
  readonly seed: number;
  readonly learningRate: number;
}

/** The values of a plan's inputs, in the GPU's layout (`pad` in graph/tensor.ts). */
export type Feeds = Readonly<Record<string, Float32Array | Int32Array | Uint32Array>>;
/** The values of a plan's outputs in logical order. */
export type Outputs = Readonly<Record<string, Float32Array | Int32Array | Uint32Array>>;

/** Steps that may be on their way to the GPU at once. */
const IN_FLIGHT = 2;

interface Launch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/**
 * Runs a plan, step after step. All pipelines, buffers and bind groups are made by `create`; a step writes
 * the inputs and one small uniform, replays a flat list in one compute pass, and copies the outputs into a
 * ring of readback buffers.
 */
export class Session {
  readonly plan: Plan;
  readonly #gpu: Gpu;
  readonly #launches: readonly Launch[];
  readonly #buffers: Buffers;
  readonly #live = new ArrayBuffer(16);
  readonly #liveWords = new Uint32Array(this.#live);
  readonly #liveFloats = new Float32Array(this.#live);
  readonly #liveBuffer: GPUBuffer;
  readonly #liveGroup: GPUBindGroup;
  readonly #free: GPUBuffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #destroyed = false;

  /** Compiles the plan's pipelines, all in parallel, and makes its buffers. `variables` are shared. */
  static async create(gpu: Gpu, plan: Plan, variables: Variables): Promise<Session> {
    const pipelines = await Promise.all(
      plan.dispatches.map((d) => gpu.pipelines.compile(d.kernel, d.constants)),
    );
    return gpu.guard("session", () => new Session(gpu, plan, variables, pipelines));
  }

  private constructor(gpu: Gpu, plan: Plan, variables: Variables, pipelines: readonly GPUComputePipeline[]) {
    const { device } = gpu;
    this.#gpu = gpu;
    this.plan = plan;
    this.#buffers = new Buffers(gpu, plan, variables);
    this.#launches = plan.dispatches.map(({ kernel, bindings, workgroups, label }, i) => ({
      pipeline: pipelines[i]!,
      workgroups,
      bindGroup: device.createBindGroup({
        label,
        layout: gpu.pipelines.bindGroupLayout(kernel),
        entries: kernel.bindings.map(({ name }, binding) => ({
          binding,
          resource: this.#buffers.range(bindings[name]!),
        })),
      }),
    }));
    this.#liveBuffer = device.createBuffer({
      label: "live scalars",
      size: this.#live.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#liveGroup = device.createBindGroup({
      label: "live scalars",
      layout: gpu.pipelines.liveLayout(),
      entries: [{ binding: 0, resource: { buffer: this.#liveBuffer } }],
    });
    const size = [...plan.outputs.values()].reduce(
      (sum, t) => sum + storedLength(t.shape, t.storage.dtype) * 4,
      0,
    );
    for (let i = 0; i < IN_FLIGHT; i++) {
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      this.#free.push(device.createBuffer({ label: `readback ${i}`, size: Math.max(size, 16), usage }));
    }
  }

  /** Resolves when another step may be submitted: at most two are in flight. */
  async ready(): Promise<void> {
    this.#gpu.check();
    if (this.#free.length > 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Sends one step to the GPU and returns what it will give. Wait for `ready()` first. Throws DataError for
   * missing inputs or wrong lengths; rejects with the device's error where it fails.
   */
  submit(feeds: Feeds, live: Live): Promise<Outputs> {
    this.#gpu.check();
    const staging = this.#free.pop();
    if (!staging)
      throw new WebgraftError("session: two steps are in flight; wait for ready() before the next");
    try {
      this.#write(feeds, live);
    } catch (error) {
      this.#release(staging);
      throw error;
    }
    const encoder = this.#gpu.device.createCommandEncoder();
    this.#encode(encoder);
    let at = 0;
    for (const tensor of this.plan.outputs.values()) {
      const { buffer, offset, size } = this.#buffers.range(tensor);
      encoder.copyBufferToBuffer(buffer, offset, staging, at, size);
      at += size;
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
    return this.#readBack(staging);
  }

  /** Ends the session and frees its buffers; the variables stay. */
  destroy(): void {
    this.#destroyed = true;
    this.#buffers.destroy();
    this.#liveBuffer.destroy();
    for (const staging of this.#free) staging.destroy();
  }

  #write(feeds: Feeds, { step, seed, learningRate }: Live): void {
    const { queue } = this.#gpu.device;
    for (const [name, { storage }] of this.plan.inputs) {
      const values = feeds[name];
      if (values?.length !== storage.length) {
        throw new DataError(
          `input ${name}: expects ${storage.length} values in the padded layout, got ${values?.length ?? "none"}`,
        );
      }
      queue.writeBuffer(this.#buffers.of(storage), 0, values as Float32Array<ArrayBuffer>);
    }
    this.#liveWords[0] = step;
    this.#liveWords[1] = seed;
    this.#liveFloats[2] = learningRate;
    queue.writeBuffer(this.#liveBuffer, 0, this.#live);
  }

  #encode(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass();
    pass.setBindGroup(1, this.#liveGroup);
    let current: GPUComputePipeline | undefined;
    for (const { pipeline, bindGroup, workgroups } of this.#launches) {
      if (pipeline !== current) {
        pass.setPipeline(pipeline);
        current = pipeline;
      }
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    }
    pass.end();
  }

  async #readBack(staging: GPUBuffer): Promise<Outputs> {
    try {
      await Promise.race([staging.mapAsync(GPUMapMode.READ), this.#gpu.failed]);
      const mapped = staging.getMappedRange();
      const outputs: Record<string, Float32Array | Int32Array | Uint32Array> = {};
      let at = 0;
      for (const [name, { shape, storage }] of this.plan.outputs) {
        const bytes = storedLength(shape, storage.dtype) * 4;
        const copy = mapped.slice(at, at + bytes);
        at += bytes;
        if (storage.dtype === "f32") outputs[name] = unpad(new Float32Array(copy), shape);
        else outputs[name] = storage.dtype === "i32" ? new Int32Array(copy) : new Uint32Array(copy);
      }
      staging.unmap();
      return outputs;
    } catch (error) {
      this.#gpu.check();
      throw error;
    } finally {
      this.#release(staging);
    }
  }

  #release(staging: GPUBuffer): void {
    if (this.#destroyed) staging.destroy();
    else this.#free.push(staging);
    this.#waiting.shift()?.();
  }
}

/** Which buffer each storage of a plan lives in. */
class Buffers {
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
          size: Math.max(storage.length * 4, 16),
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

  range({ storage, offset, shape }: Tensor): { buffer: GPUBuffer; offset: number; size: number } {
    const base = this.#plan.memory.placements.get(storage)?.offset ?? 0;
    return {
      buffer: this.of(storage),
      offset: base + offset * 4,
      size: storedLength(shape, storage.dtype) * 4,
    };
  }

  destroy(): void {
    for (const buffer of [...this.#slabs, ...this.#own.values()]) buffer.destroy();
  }
}

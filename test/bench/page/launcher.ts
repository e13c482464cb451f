import { type Gpu, type Plan, plan, Random, type Steps, Variables } from "webgraft";
import { liveScalars } from "../../../src/embed/kernel.ts";
import type { Dispatch } from "../../../src/graph/op.ts";
import { Buffers } from "../../../src/run/buffers.ts";
import { Executor, encode, type Launch } from "../../../src/run/executor.ts";

/** Launches chosen dispatches of a program, on the buffers that a session would have; inputs are random numbers. */
export class Launcher {
  readonly #buffers: Buffers;
  readonly #executor: Executor;
  readonly #variables: Variables;
  readonly #live: GPUBuffer;
  readonly #liveGroup: GPUBindGroup;
  readonly #launches: ReadonlyMap<Dispatch, Launch>;

  static async create(gpu: Gpu, program: Steps): Promise<Launcher> {
    const planned = plan(program, gpu.limits);
    const pipelines = await gpu.pipelines.compileAll(planned.dispatches);
    return gpu.guard("launcher", () => new Launcher(gpu, program, planned, pipelines));
  }

  private constructor(gpu: Gpu, program: Steps, planned: Plan, pipelines: readonly GPUComputePipeline[]) {
    const { device } = gpu;
    this.#variables = new Variables(gpu);
    this.#buffers = new Buffers(device, planned, (storage) => ({
      buffer: this.#variables.buffer(storage),
      offset: 0,
    }));
    this.#executor = new Executor(gpu, planned.dispatches, pipelines);
    for (const [name, tensor] of planned.inputs) {
      const { storage } = tensor;
      if (storage.dtype !== "f32") continue;
      const random = new Random(1, name);
      const values = Float32Array.from({ length: storage.length }, () => random.uniform() - 0.5);
      device.queue.writeBuffer(this.#buffers.range(tensor).buffer, 0, values);
    }
    const scalars = liveScalars({ step: 1, seed: 0, learningRate: 1e-3 });
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#live = device.createBuffer({ size: scalars.byteLength, usage });
    device.queue.writeBuffer(this.#live, 0, scalars);
    this.#liveGroup = this.#executor.bindLive({ buffer: this.#live });
    this.#launches = new Map(
      planned.dispatches.map((dispatch, i) => {
        const { bindings, workgroups } = dispatch;
        const launch = this.#executor.bind(i, workgroups, (name) => this.#buffers.range(bindings[name]!));
        // The plan may have put another kernel in the place of the program's.
        return [program.dispatches[i]!, launch];
      }),
    );
  }

  encode(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
    const launches = dispatches.map((dispatch) => this.#launches.get(dispatch)!);
    encode(pass, launches, this.#liveGroup);
  }

  destroy(): void {
    this.#buffers.destroy();
    this.#executor.destroy();
    this.#variables.destroy();
    this.#live.destroy();
  }
}

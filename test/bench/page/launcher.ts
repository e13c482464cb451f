import { type Gpu, type Plan, type Program, plan, Random, Variables } from "webgraft";
import { liveScalars } from "../../../src/embed/kernel.ts";
import { Shapes } from "../../../src/gpu/shapes.ts";
import type { Dispatch } from "../../../src/graph/op.ts";
import { Buffers } from "../../../src/run/buffers.ts";

/** Launches single dispatches of a program, on the same buffers as a session, with random inputs. */
export class Launcher {
  readonly #buffers: Buffers;
  readonly #shapes: Shapes;
  readonly #variables: Variables;
  readonly #live: GPUBuffer;
  readonly #liveGroup: GPUBindGroup;
  readonly #launches: ReadonlyMap<Dispatch, (pass: GPUComputePassEncoder) => void>;

  static async create(gpu: Gpu, program: Program): Promise<Launcher> {
    const planned = plan(program, gpu.limits);
    const pipelines = await Promise.all(
      planned.dispatches.map(({ kernel, constants }) => gpu.pipelines.compile(kernel, constants)),
    );
    return gpu.guard("launcher", () => new Launcher(gpu, program, planned, pipelines));
  }

  private constructor(gpu: Gpu, program: Program, planned: Plan, pipelines: readonly GPUComputePipeline[]) {
    const { device } = gpu;
    this.#variables = new Variables(gpu);
    this.#buffers = new Buffers(gpu, planned, this.#variables);
    this.#shapes = new Shapes(device, planned.dispatches);
    for (const [name, { storage }] of planned.inputs) {
      if (storage.dtype !== "f32") continue;
      const random = new Random(1, name);
      const values = Float32Array.from({ length: storage.length }, () => random.uniform() - 0.5);
      device.queue.writeBuffer(this.#buffers.of(storage), 0, values);
    }
    const scalars = liveScalars({ step: 1, seed: 0, learningRate: 1e-3 });
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#live = device.createBuffer({ size: scalars.byteLength, usage });
    device.queue.writeBuffer(this.#live, 0, scalars);
    this.#liveGroup = device.createBindGroup({
      layout: gpu.pipelines.liveLayout(),
      entries: [{ binding: 0, resource: { buffer: this.#live } }],
    });
    this.#launches = new Map(
      planned.dispatches.map((dispatch, i) => {
        const { kernel, bindings, workgroups } = dispatch;
        const bindGroup = device.createBindGroup({
          layout: gpu.pipelines.bindGroupLayout(kernel),
          entries: this.#shapes.entries(
            i,
            kernel.bindings.map(({ name }) => this.#buffers.range(bindings[name]!)),
          ),
        });
        const launch = (pass: GPUComputePassEncoder): void => {
          pass.setPipeline(pipelines[i]!);
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(...workgroups);
        };
        // The plan may have replaced the program's kernel.
        return [program.dispatches[i]!, launch];
      }),
    );
  }

  encode(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[]): void {
    pass.setBindGroup(1, this.#liveGroup);
    for (const dispatch of dispatches) this.#launches.get(dispatch)!(pass);
  }

  destroy(): void {
    this.#buffers.destroy();
    this.#shapes.destroy();
    this.#variables.destroy();
    this.#live.destroy();
  }
}

import { LaunchArgs } from "../gpu/args.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../graph/op.ts";

/** A part of a buffer. */
export type Range = Required<GPUBufferBinding>;

/** A launch with all it needs. */
export interface Launch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: Dispatch["workgroups"];
}

/** Compiled kernels with their uniforms, ready to bind to buffers, in sessions and in other apps' compute passes. */
export class Executor {
  readonly #gpu: Pick<Gpu, "device" | "pipelines">;
  readonly #dispatches: readonly Pick<Dispatch, "kernel" | "label">[];
  readonly #pipelines: readonly GPUComputePipeline[];
  readonly #args: LaunchArgs;

  /** `pipelines` come from `gpu.pipelines.compileAll(dispatches)`. */
  constructor(
    gpu: Pick<Gpu, "device" | "pipelines">,
    dispatches: readonly Pick<Dispatch, "kernel" | "constants" | "label">[],
    pipelines: readonly GPUComputePipeline[],
  ) {
    this.#gpu = gpu;
    this.#dispatches = dispatches;
    this.#pipelines = pipelines;
    this.#args = new LaunchArgs(gpu.device, dispatches);
  }

  /** Launch number `i`, on the buffer that `range` returns for each of its kernel's bindings. */
  bind(i: number, workgroups: Dispatch["workgroups"], range: (binding: string) => GPUBufferBinding): Launch {
    const { kernel, label } = this.#dispatches[i]!;
    const layout = this.#gpu.pipelines.bindGroupLayout(kernel);
    const ranges = kernel.bindings.map(({ name }) => range(name));
    const entries = this.#args.entries(i, ranges);
    const bindGroup = this.#gpu.device.createBindGroup({ label, layout, entries });
    return { pipeline: this.#pipelines[i]!, bindGroup, workgroups };
  }

  /** Bind group of a uniform buffer of live scalars, for `encode`. */
  bindLive(resource: GPUBufferBinding): GPUBindGroup {
    const layout = this.#gpu.pipelines.liveLayout();
    const entries = [{ binding: 0, resource }];
    return this.#gpu.device.createBindGroup({ label: "live scalars", layout, entries });
  }

  /** Frees the uniforms. */
  destroy(): void {
    this.#args.destroy();
  }
}

/** Appends launches to a pass; `live` may be left out if no kernel reads live scalars. */
export function encode(pass: GPUComputePassEncoder, launches: readonly Launch[], live?: GPUBindGroup): void {
  if (live) pass.setBindGroup(1, live);
  let current: GPUComputePipeline | undefined;
  for (const { pipeline, bindGroup, workgroups } of launches) {
    if (pipeline !== current) {
      pass.setPipeline(pipeline);
      current = pipeline;
    }
    pass.setBindGroup(0, bindGroup);
    // By index: to spread would make an iterator for each launch of a step.
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  }
}

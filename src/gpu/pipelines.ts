import { compiledConstants } from "../kernel/args.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { bindingTypes, createLayout, createModule, createPipeline, LIVE_TYPES } from "./compile.ts";
import type { Gpu } from "./device.ts";

/** A WGSL text and the pipelines made from it. */
interface Compiled {
  readonly module: GPUShaderModule;
  /** The compiler's messages, asked for only once: Chrome 156 does not answer a third request. */
  info?: Promise<GPUCompilationInfo>;
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>;
}

/** Compiles kernels: each text once, and each entry point once per layout and set of `override` constants. */
export class Pipelines {
  /** Called when a pipeline is wanted or ready (or failed), with the numbers of both so far: compiling takes seconds. */
  onProgress: ((ready: number, wanted: number) => void) | undefined;
  #ready = 0;
  #wanted = 0;
  readonly #gpu: Pick<Gpu, "device" | "check">;
  /** Keyed by text, not name: a user's own kernel may share a name with one of ours. */
  readonly #texts = new Map<string, Compiled>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(gpu: Pick<Gpu, "device" | "check">) {
    this.#gpu = gpu;
  }

  /** The pipeline of a kernel with these constants. Rejects with a ShaderError that names the source file and line. */
  compile(kernel: Kernel, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const text = this.#text(kernel);
    const { module, pipelines } = text;
    const compiled = compiledConstants(kernel, constants);
    const key = JSON.stringify([kernel.entryPoint, compiled, bindingTypes(kernel)]);
    let pipeline = pipelines.get(key);
    if (!pipeline) {
      const layouts = bindingTypes(kernel).map((types) => this.#layout(types));
      pipeline = createPipeline(this.#gpu.device, kernel, module, compiled, layouts, () => {
        this.#gpu.check();
        text.info ??= module.getCompilationInfo();
        return text.info;
      });
      pipelines.set(key, pipeline);
      // What failed once, such as for lack of memory, may work later.
      pipeline.catch(() => pipelines.delete(key));
      this.#count(0, 1);
      const settled = (): void => this.#count(1, 0);
      pipeline.then(settled, settled);
    }
    return pipeline;
  }

  /** The pipelines of launches, compiled in parallel. */
  compileAll(
    launches: readonly { readonly kernel: Kernel; readonly constants: Readonly<Record<string, number>> }[],
  ): Promise<readonly GPUComputePipeline[]> {
    return Promise.all(launches.map(({ kernel, constants }) => this.compile(kernel, constants)));
  }

  /** Layout of `@group(0)` of a kernel. */
  bindGroupLayout(kernel: Kernel): GPUBindGroupLayout {
    return this.#layout(bindingTypes(kernel)[0]!);
  }

  /** Layout of `@group(1)`: the live scalars. */
  liveLayout(): GPUBindGroupLayout {
    return this.#layout(LIVE_TYPES);
  }

  #count(ready: number, wanted: number): void {
    this.#ready += ready;
    this.#wanted += wanted;
    this.onProgress?.(this.#ready, this.#wanted);
  }

  #text(kernel: Kernel): Compiled {
    let text = this.#texts.get(kernel.wgsl);
    if (!text) {
      text = { module: createModule(this.#gpu.device, kernel), pipelines: new Map() };
      this.#texts.set(kernel.wgsl, text);
    }
    return text;
  }

  #layout(types: readonly GPUBufferBindingType[]): GPUBindGroupLayout {
    const key = types.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = createLayout(this.#gpu.device, types);
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

import { ShaderError } from "../base/errors.ts";
import { argsBytes, compiledConstants, withArgs } from "../kernel/args.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Gpu } from "./device.ts";

/** A WGSL text and the pipelines made from it. */
interface Compiled {
  readonly module: GPUShaderModule;
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
    const compiled = compiledConstants(kernel, constants);
    const { module, pipelines } = this.#text(kernel);
    const key = JSON.stringify([kernel.entryPoint, compiled, bindingTypes(kernel), kernel.live]);
    let pipeline = pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#create(kernel, module, compiled);
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
    return this.#layout(bindingTypes(kernel));
  }

  /** Layout of `@group(1)`: the live scalars. */
  liveLayout(): GPUBindGroupLayout {
    return this.#layout(["uniform"]);
  }

  async #create(
    kernel: Kernel,
    module: GPUShaderModule,
    constants: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    const { device } = this.#gpu;
    const layouts = [this.bindGroupLayout(kernel), ...(kernel.live ? [this.liveLayout()] : [])];
    try {
      return await device.createComputePipelineAsync({
        label: kernel.name,
        layout: device.createPipelineLayout({ bindGroupLayouts: layouts }),
        compute: { module, entryPoint: kernel.entryPoint, constants },
      });
    } catch (cause) {
      this.#gpu.check();
      throw await explain(kernel, module, constants, cause);
    }
  }

  #count(ready: number, wanted: number): void {
    this.#ready += ready;
    this.#wanted += wanted;
    this.onProgress?.(this.#ready, this.#wanted);
  }

  #text({ name, wgsl }: Kernel): Compiled {
    let text = this.#texts.get(wgsl);
    if (!text) {
      // A module that does not compile also reports to the error scope; drop that, the pipeline's error says more.
      this.#gpu.device.pushErrorScope("validation");
      const module = this.#gpu.device.createShaderModule({ label: name, code: wgsl });
      this.#gpu.device.popErrorScope().catch(() => {});
      text = { module, pipelines: new Map() };
      this.#texts.set(wgsl, text);
    }
    return text;
  }

  #layout(types: readonly GPUBufferBindingType[]): GPUBindGroupLayout {
    const key = types.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#gpu.device.createBindGroupLayout({
        label: key,
        entries: types.map((type, binding) => ({ binding, visibility: 4 /* compute */, buffer: { type } })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

/** What is bound to `@group(0)` of a kernel: its bindings and, where it has args, their uniform. */
function bindingTypes(kernel: Kernel): readonly GPUBufferBindingType[] {
  const types = kernel.bindings.map(
    ({ access }): GPUBufferBindingType => (access === "read" ? "read-only-storage" : "storage"),
  );
  return argsBytes(kernel) > 0 ? withArgs(kernel, types, "uniform") : types;
}

const compilationInfos = new WeakMap<GPUShaderModule, Promise<GPUCompilationInfo>>();

/** A module's compiler messages, asked for only once: Chrome 156 does not answer a third request. */
function compilationInfo(module: GPUShaderModule): Promise<GPUCompilationInfo> {
  const info = compilationInfos.get(module) ?? module.getCompilationInfo();
  compilationInfos.set(module, info);
  return info;
}

async function explain(
  kernel: Kernel,
  module: GPUShaderModule,
  constants: Readonly<Record<string, number>>,
  cause: unknown,
): Promise<ShaderError> {
  const { messages } = await compilationInfo(module);
  const lines = messages
    .filter(({ type }) => type === "error")
    .map(({ lineNum, linePos, message }) => `${sourceOf(kernel, lineNum)}:${linePos}: ${message}`);
  const reason = cause instanceof Error ? cause.message : String(cause);
  const text = lines.length > 0 ? lines.join("\n") : `${reason} — constants ${JSON.stringify(constants)}`;
  return new ShaderError(`${kernel.name}: ${text}`, { cause });
}

/** Where a line of a kernel's text comes from, such as `shaders/lib/core/index.wgsl:7`; `line 7` of an app's own. */
export function sourceOf({ sources }: Kernel, line: number): string {
  const source = sources.findLast(([, firstLine]) => firstLine <= line) ?? sources[0];
  return source ? `shaders/${source[0]}:${line - source[1] + 1}` : `line ${line}`;
}

import { ShaderError } from "../base/errors.ts";
import { argsBytes, compiledConstants } from "../kernel/args.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Gpu } from "./device.ts";

/** Compiles kernels, each text once and each set of `override` constants once. */
export class Pipelines {
  readonly #gpu: Pick<Gpu, "device" | "check">;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(gpu: Pick<Gpu, "device" | "check">) {
    this.#gpu = gpu;
  }

  /** The pipeline of a kernel with these constants. Throws ShaderError with the source file and line. */
  compile(kernel: Kernel, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const compiled = compiledConstants(kernel, constants);
    const key = `${kernel.name} ${JSON.stringify(compiled)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#create(kernel, compiled);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** Layout of `@group(0)` of a kernel: its bindings, then its args if it has some. */
  bindGroupLayout(kernel: Kernel): GPUBindGroupLayout {
    const storage = kernel.bindings.map(({ access }) =>
      access === "read" ? "read-only-storage" : "storage",
    );
    return this.#layout(argsBytes(kernel) > 0 ? [...storage, "uniform"] : storage);
  }

  /** Layout of `@group(1)`: the live scalars. */
  liveLayout(): GPUBindGroupLayout {
    return this.#layout(["uniform"]);
  }

  async #create(kernel: Kernel, constants: Readonly<Record<string, number>>): Promise<GPUComputePipeline> {
    const { device } = this.#gpu;
    const layouts = [this.bindGroupLayout(kernel), ...(kernel.live ? [this.liveLayout()] : [])];
    const module = this.#module(kernel);
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

  #module(kernel: Kernel): GPUShaderModule {
    let module = this.#modules.get(kernel.wgsl);
    if (!module) {
      // A module that does not compile also reports to the error scope; the pipeline's error says it better.
      this.#gpu.device.pushErrorScope("validation");
      module = this.#gpu.device.createShaderModule({ label: kernel.name, code: kernel.wgsl });
      this.#gpu.device.popErrorScope().catch(() => {});
      this.#modules.set(kernel.wgsl, module);
    }
    return module;
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

const compilationInfos = new WeakMap<GPUShaderModule, Promise<GPUCompilationInfo>>();

/** What a module's compiler had to say: asked once, for Chrome 156 does not answer a third time. */
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

/** `shaders/lib/core/index.wgsl:7` for a line of the linked text. */
export function sourceOf(kernel: Kernel, line: number): string {
  const [file, first] = kernel.sources.findLast(([, firstLine]) => firstLine <= line) ?? kernel.sources[0]!;
  return `shaders/${file}:${line - first + 1}`;
}

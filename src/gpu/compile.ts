/** What WebGPU makes of a kernel, and what it says about one that it refuses. */
import { ShaderError } from "../base/errors.ts";
import { argsBytes, type compiledConstants, withArgs } from "../kernel/args.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** The module of a text, which may be broken: the error of its pipeline says so, and more. */
export function createModule(device: GPUDevice, { name, wgsl }: Kernel): GPUShaderModule {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: name, code: wgsl });
  device.popErrorScope().catch(() => {});
  return module;
}

export const createLayout = (device: GPUDevice, types: readonly GPUBufferBindingType[]): GPUBindGroupLayout =>
  device.createBindGroupLayout({
    label: types.join(),
    entries: types.map((type, binding) => ({ binding, visibility: 4 /* compute */, buffer: { type } })),
  });

/** What is bound to `@group(1)`: the live scalars. */
export const LIVE_TYPES = ["uniform"] as const;

/** What is bound to the groups of a kernel: its bindings with the uniform of its args, and the live scalars if it reads them. */
export function bindingTypes(kernel: Kernel): readonly (readonly GPUBufferBindingType[])[] {
  const types = kernel.bindings.map(
    ({ access }): GPUBufferBindingType => (access === "read" ? "read-only-storage" : "storage"),
  );
  const own = argsBytes(kernel) ? withArgs(kernel, types, "uniform") : types;
  return kernel.live ? [own, LIVE_TYPES] : [own];
}

/**
 * The pipeline of a kernel with these `compiledConstants`. Rejects with a ShaderError that names the source file and line, or with
 * what `info` throws, which is asked for the compiler's messages.
 */
export async function createPipeline(
  device: GPUDevice,
  kernel: Kernel,
  module: GPUShaderModule,
  constants: ReturnType<typeof compiledConstants>,
  bindGroupLayouts: GPUBindGroupLayout[],
  info = () => module.getCompilationInfo(),
): Promise<GPUComputePipeline> {
  const { name: label, entryPoint } = kernel;
  try {
    return await device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts }),
      compute: { module, entryPoint, constants },
    });
  } catch (cause) {
    const { messages } = await info();
    const lines = messages
      .filter(({ type }) => type === "error")
      .map(({ lineNum, linePos, message }) => `${sourceOf(kernel, lineNum)}:${linePos}: ${message}`);
    const reason = cause instanceof Error ? cause.message : cause;
    const text = lines.join("\n") || `${reason} — constants ${JSON.stringify(constants)}`;
    throw new ShaderError(`${label}: ${text}`, { cause });
  }
}

/** Where a line of a kernel's text comes from, such as `shaders/lib/core/index.wgsl:7`; `line 7` of an app's own. */
export function sourceOf({ sources }: Kernel, line: number): string {
  const source = sources.findLast(([, firstLine]) => firstLine <= line) ?? sources[0];
  return source ? `shaders/${source[0]}:${line - source[1] + 1}` : `line ${line}`;
}

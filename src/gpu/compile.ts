/** What WebGPU makes of a kernel, and what it says about one that it refuses. */
import { ShaderError } from "../base/errors.ts";
import { argsBytes, compiledConstants, withArgs } from "../kernel/args.ts";
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

/** What is bound to `@group(0)` of a kernel: its bindings and, where it has args, their uniform. */
export function bindingTypes(kernel: Kernel): readonly GPUBufferBindingType[] {
  const types = kernel.bindings.map(
    ({ access }): GPUBufferBindingType => (access === "read" ? "read-only-storage" : "storage"),
  );
  return argsBytes(kernel) > 0 ? withArgs(kernel, types, "uniform") : types;
}

/** What is bound to `@group(1)`: the live scalars. */
export const LIVE_TYPES = ["uniform"] as const;

/**
 * The pipeline of a kernel with these constants. Rejects with a ShaderError that names the source file and line, or with
 * what `check` throws.
 */
export async function createPipeline(
  device: GPUDevice,
  kernel: Kernel,
  module: GPUShaderModule,
  constants: Readonly<Record<string, number>>,
  bindGroupLayouts: GPUBindGroupLayout[],
  check?: () => void,
): Promise<GPUComputePipeline> {
  const { name: label, entryPoint } = kernel;
  const compiled = compiledConstants(kernel, constants);
  try {
    return await device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts }),
      compute: { module, entryPoint, constants: compiled },
    });
  } catch (cause) {
    check?.();
    const { messages } = await compilationInfo(module);
    const lines = messages
      .filter(({ type }) => type === "error")
      .map(({ lineNum, linePos, message }) => `${sourceOf(kernel, lineNum)}:${linePos}: ${message}`);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const text = lines.length > 0 ? lines.join("\n") : `${reason} — constants ${JSON.stringify(compiled)}`;
    throw new ShaderError(`${label}: ${text}`, { cause });
  }
}

const compilationInfos = new WeakMap<GPUShaderModule, Promise<GPUCompilationInfo>>();

/** A module's compiler messages, asked for only once: Chrome 156 does not answer a third request. */
function compilationInfo(module: GPUShaderModule): Promise<GPUCompilationInfo> {
  const info = compilationInfos.get(module) ?? module.getCompilationInfo();
  compilationInfos.set(module, info);
  return info;
}

/** Where a line of a kernel's text comes from, such as `shaders/lib/core/index.wgsl:7`; `line 7` of an app's own. */
export function sourceOf({ sources }: Kernel, line: number): string {
  const source = sources.findLast(([, firstLine]) => firstLine <= line) ?? sources[0];
  return source ? `shaders/${source[0]}:${line - source[1] + 1}` : `line ${line}`;
}

/**
 * NVIDIA's compiler for the forward convolution as translated by hand to CUDA C: the one that drivers use for WebGPU's
 * shaders is not to be had without a GPU, and this one shares its back end.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Kernel } from "../../../../src/kernel/kernel.ts";
import type { Compiled } from "../compiled.ts";
import { panelNumbers } from "../kernels.ts";
import { CACHE } from "../mesa/drivers.ts";
import { run } from "../mesa/run.ts";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Whether there is a translation of a kernel: of the plain forward pass. */
export const isTranslated = ({ name }: Kernel): boolean => /^conv2d_forward_\d/.test(name);

/** Downloads NVIDIA's compiler and tools where they are not there yet. Returns their folder. */
export function prepareNvidia(onWork: (what: string) => void): string {
  const folder = join(CACHE, "nvidia");
  if (!existsSync(folder)) {
    onWork("downloading NVIDIA's compiler");
    const part = `${folder}.part`;
    mkdirSync(part, { recursive: true });
    run("pip", ["download", "-q", "--no-deps", "-d", part, "triton", "nvidia-cuda-nvrtc-cu12"]);
    const wheel = (name: string): string =>
      join(part, readdirSync(part).find((file) => file.startsWith(name))!);
    const tools = ["nvdisasm", "cuobjdump"].map((tool) => `triton/backends/nvidia/bin/${tool}`);
    run("unzip", ["-q", "-o", "-j", wheel("triton"), ...tools, "-d", part]);
    run("unzip", ["-q", "-o", "-j", wheel("nvidia_cuda_nvrtc"), "*/lib/libnvrtc*.so.*", "-d", part]);
    for (const name of ["triton", "nvidia_cuda_nvrtc"]) rmSync(wheel(name));
    renameSync(part, folder);
  }
  run("cc", ["-O1", "-o", join(folder, "nvrtc"), here("nvrtc.c"), "-ldl"]);
  return folder;
}

/** Compiles the kernels that are translated, for an architecture such as sm_86; listings are of cuobjdump and nvdisasm. */
export function compileTranslation(
  architecture: string,
  kernels: readonly Kernel[],
  onKernel: (name: string) => void,
  folder: string,
): Compiled {
  const listings = new Map<string, string>();
  for (const kernel of kernels.filter(isTranslated)) {
    onKernel(kernel.name);
    const panels = { AHEAD: "const AHEAD = true;", HALF_PANEL: "alias panel4 = vec4<f16>;" };
    const flags = Object.entries(panels).map(([name, text]) => [name, Number(kernel.wgsl.includes(text))]);
    const numbers = [...Object.entries(panelNumbers(kernel)), ...flags];
    const defines = numbers.map(([name, value]) => `-D${name}=${value}`);
    const cubin = join(folder, `${kernel.name}.cubin`);
    const options = [`--gpu-architecture=${architecture}`, "--use_fast_math", ...defines];
    run(join(folder, "nvrtc"), [
      join(folder, "libnvrtc.so.12"),
      here("conv2d_forward.cu"),
      cubin,
      ...options,
    ]);
    const usage = run(join(folder, "cuobjdump"), ["-res-usage", cubin]);
    listings.set(kernel.name, usage + run(join(folder, "nvdisasm"), ["-c", cubin]));
  }
  const builtins = readdirSync(folder).find((file) => file.startsWith("libnvrtc-builtins.so"))!;
  return { listings, failures: [], versions: { nvrtc: builtins.replace("libnvrtc-builtins.so.", "") } };
}

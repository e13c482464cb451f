/** The kernels that are compiled, as the library launches them. */
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel, KernelVariant } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { withSubgroupSize } from "../../../src/kernel/subgroup-size.ts";
import { subgroupSizeOf } from "./gpus.ts";
import { WgslArithmetic } from "./wgsl.ts";

/** Sizes of the parts of a kernel that shares through workgroup memory. */
export interface PanelNumbers {
  readonly TILE_ROWS: number;
  readonly TILE_COLUMNS: number;
  readonly GROUP_ROWS: number;
  readonly GROUP_COLUMNS: number;
  /** Blocks of four steps of depth that a workgroup holds at a time. */
  readonly PANEL: number;
}

export function panelNumbers({ wgsl }: Kernel): PanelNumbers {
  const shader = new WgslArithmetic(wgsl);
  const constants = ["TILE_ROWS", "TILE_COLUMNS", "GROUP_ROWS", "GROUP_COLUMNS", "PANEL"];
  return Object.fromEntries(
    constants.map((name) => [name, shader.constant(name)]),
  ) as unknown as PanelNumbers;
}

/** Kernels that the heuristic takes on a GPU. Throws if a name fits none. */
export function kernelsNamed(names: readonly string[]): Kernel[] {
  const all = (Object.values(shaders) as (Kernel | KernelVariant)[]).filter(
    (kernel) => "slots" in kernel && kernel.slots.share === "workgroup",
  );
  const fitting = names.map((name) => {
    const pattern = new RegExp(`^${name.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
    const found = all.filter((kernel) => pattern.test(kernel.name));
    if (found.length === 0) {
      throw new Error(
        `no kernel is called ${name}; there are ${all.map((kernel) => kernel.name).join(", ")}`,
      );
    }
    return found;
  });
  return names.length === 0 ? all : [...new Set(fitting.flat())];
}

/** Kernels as they are launched on a GPU: as the driver likes, and in subgroups of the size that the library asks for. */
export const kernelsOn = (gpu: string, kernels: readonly Kernel[]): Kernel[] => [
  ...new Set(kernels.flatMap((kernel) => [kernel, withSubgroupSize(kernel, subgroupSizeOf(gpu))])),
];

/** What may be changed of a kernel before it is compiled. */
export interface Changes {
  /** An attribute for the entry point. */
  readonly attribute?: string;
  /** Activations are f16 in memory. */
  readonly half: boolean;
}

/** The text that is compiled. */
export function textOf(kernel: Kernel, { attribute = "", half }: Changes): string {
  const { wgsl } = half ? withHalf(kernel, halfBindings(kernel)) : kernel;
  const enable = attribute.includes("subgroup_size")
    ? "enable subgroups; enable subgroup_size_control; "
    : "";
  return enable + wgsl.replace("@compute", `${attribute} @compute`);
}

/** Constants without a default, as 0. */
export function requiredConstants({ constants }: Kernel): Record<string, number> {
  const required = Object.entries(constants).filter(([, isRequired]) => isRequired);
  return Object.fromEntries(required.map(([constant]) => [constant, 0]));
}

/** The kernels that are compiled, as the library launches them. */
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { withSubgroupSize } from "../../../src/kernel/subgroup-size.ts";
import type { TileKernel } from "../../../src/ops/conv/register-tiles.ts";
import { subgroupSizeOf } from "./gpus.ts";

/** Sizes of the parts of a kernel that shares through workgroup memory. */
export interface PanelNumbers {
  readonly TILE_ROWS: number;
  readonly TILE_COLUMNS: number;
  readonly GROUP_ROWS: number;
  readonly GROUP_COLUMNS: number;
  /** Blocks of four steps of depth that a workgroup holds at a time. */
  readonly PANEL: number;
}

export type PanelKernel = TileKernel & { readonly numbers: PanelNumbers };

const isPanelKernel = (kernel: Kernel): kernel is PanelKernel =>
  "slots" in kernel && (kernel as TileKernel).slots.share === "workgroup";

/** Kernels that the heuristic takes on a GPU. Throws if a name fits none. */
export function kernelsNamed(names: readonly string[]): PanelKernel[] {
  const all = (Object.values(shaders) as Kernel[]).filter(isPanelKernel);
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
export const kernelsOn = (gpu: string, kernels: readonly PanelKernel[]): PanelKernel[] => [
  ...new Set(kernels.flatMap((kernel) => [kernel, withSubgroupSize(kernel, subgroupSizeOf(gpu))])),
];

/** Text and constants of a kernel, as they are compiled. */
export interface Job {
  readonly name: string;
  readonly wgsl: string;
  readonly constants: Readonly<Record<string, number>>;
}

/** What may be changed of a kernel before it is compiled. */
export interface Changes {
  /** An attribute for the entry point. */
  readonly attribute?: string;
  /** Activations are f16 in memory. */
  readonly half: boolean;
}

export function jobOf(kernel: Kernel, { attribute = "", half }: Changes): Job {
  const { name } = kernel;
  const { wgsl, constants } = half ? withHalf(kernel, halfBindings(kernel)) : kernel;
  const enable = attribute.includes("subgroup_size")
    ? "enable subgroups; enable subgroup_size_control; "
    : "";
  const required = Object.entries(constants).filter(([, isRequired]) => isRequired);
  return {
    name,
    wgsl: enable + wgsl.replace("@compute", `${attribute} @compute`),
    constants: Object.fromEntries(required.map(([constant]) => [constant, 0])),
  };
}

/** The kernels that are compiled, as the library launches them. */
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel, KernelVariant } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { withSubgroupSize } from "../../../src/kernel/subgroup-size.ts";
import {
  conv2d_forward_variants,
  conv2d_grad_input_variants,
  conv2d_grad_weight_variants,
} from "../../../src/kernel/variants.gen.ts";
import type { TileKernel } from "../../../src/ops/conv/register-tiles.ts";
import { type Variation, variationsOf } from "../../../src/ops/conv/variations.ts";
import { DEPTHWISE } from "./depthwise.ts";
import { deviceOf, vendorOf } from "./gpus.ts";
import type { TurnWork } from "./read/turn.ts";
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

export const turnWork = (kernel: Kernel): TurnWork =>
  DEPTHWISE.get(kernel)?.work ?? panelWork(panelNumbers(kernel));

export const panelWork = ({ TILE_ROWS, TILE_COLUMNS, PANEL }: PanelNumbers): TurnWork => ({
  block: TILE_ROWS * TILE_COLUMNS * 4,
  blocks: PANEL,
});

/** The variations that the tuner tries of kernels alone, by their kernel; splits are no change of one. */
const VARIED = new Map<Kernel, Variation>(
  [conv2d_forward_variants, conv2d_grad_input_variants, conv2d_grad_weight_variants]
    .flat()
    .flatMap((kernel: TileKernel) =>
      variationsOf(kernel).flatMap((variation) =>
        variation.derived ? [[variation.derived(kernel), variation] as const] : [],
      ),
    ),
);

/** Whether a kernel shares through workgroup memory. */
export const isShared = (kernel: Kernel): boolean => !DEPTHWISE.has(kernel);

/** Whether a kernel is launched as it is, and no variation that only measuring may prefer. */
export const isPlain = (kernel: Kernel): boolean => !VARIED.has(kernel);

/**
 * Whether a kernel may be launched on a GPU, or on others for which AMD's compiler stands in: depthwise convolutions have some
 * for those with few registers.
 */
export function isFor(kernel: Kernel, gpu: string): boolean {
  const device = deviceOf(gpu);
  if (DEPTHWISE.has(kernel)) return vendorOf(gpu) === "amd" || DEPTHWISE.get(kernel)!.on(device);
  return VARIED.get(kernel)?.on?.(device) ?? true;
}

/**
 * Kernels that share through workgroup memory, those for GPUs, and their variations, and those for depthwise convolutions,
 * by name; `*` stands for anything, and no names for all. Throws if a name fits none.
 */
export function kernelsNamed(names: readonly string[]): Kernel[] {
  const shipped = (Object.values(shaders) as (Kernel | KernelVariant)[]).filter(
    (kernel) => "slots" in kernel && kernel.slots.share === "workgroup",
  );
  const all = [...shipped, ...VARIED.keys(), ...DEPTHWISE.keys()];
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

/** What is changed of a kernel before it is compiled. */
export interface Changes {
  /** Instead of the size of subgroups that the library asks for. */
  readonly subgroupSize?: number;
  /** Activations are f16 in memory. */
  readonly half: boolean;
}

/** A kernel as the library derives it for a device on which kernels ask for subgroups of `subgroupSize`. */
export function derived(kernel: Kernel, { half }: Changes, subgroupSize: number | undefined): Kernel {
  // Variations: operands are f16 in a panel only where activations are, and one has a size of its own.
  const isHalf = half || kernel.features.includes("shader-f16");
  const isSized = kernel.features.includes("subgroup-size-control");
  const stored = isHalf ? withHalf(kernel, halfBindings(kernel)) : kernel;
  return isSized ? stored : withSubgroupSize(stored, subgroupSize);
}

/** Flags of kernels beside batch norms, each of which turns a part of their work on. */
const WORK = ["NORMALISED", "MOMENTS", "RESIDUAL"];

/** Constants without a default: a kernel does all the work that it can, and accumulates nothing. */
export function launchConstants({ constants }: Kernel): Record<string, number> {
  const required = Object.entries(constants).filter(([, isRequired]) => isRequired);
  return Object.fromEntries(required.map(([constant]) => [constant, WORK.includes(constant) ? 1 : 0]));
}

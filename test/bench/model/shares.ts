/** What share of a GPU's peak a kernel reaches on cores that are full, as far as a compiler can tell. */
import type { Kernel } from "../../../src/kernel/kernel.ts";
import figures from "./figures.json" with { type: "json" };
import type { ModelledGpu } from "./gpus.ts";
import { isTiled } from "./work.ts";

/** What the lab reads from a compiler's output: AMD's share of the peak, or the multiply-adds among Intel's instructions. */
interface Figure {
  readonly share?: number;
  readonly fmaShare?: number;
  readonly registers?: number;
}

const FIGURES: Readonly<Record<string, Readonly<Record<string, Figure>>>> = figures.gpus;

/**
 * Multiply-adds among the instructions of the forward pass on NVIDIA's sm_86, by tile and group. From a translation to
 * CUDA C by hand: the other passes get this times what AMD's compiler makes of them compared with the forward pass.
 */
const BY_HAND: Readonly<Record<string, number>> = {
  "8x8_workgroup_16x8": 0.79,
  "8x8_workgroup_8x8": 0.8,
  "4x8_workgroup_16x8": 0.67,
  "4x4_workgroup_16x16": 0.66,
  "4x4_workgroup_8x8": 0.54,
};

/**
 * Kernels that share nothing, made for CPUs: half of what AMD's compiler makes of the forward pass, since neighbours load
 * lines far from each other, and on Intel what is left of it with its spills.
 */
const DIRECT = { share: 0.27, intel: 0.15 } as const;

/**
 * Of its speed, what a tile keeps at best whose registers an invocation does not have: over four GPUs llama.cpp measured 59 %
 * of the best for tiles of 64 sums and 80 % for tiles of 16 (its issue 22241).
 */
const SHORT_OF_REGISTERS = 0.74;

/** Throws an Error for a kernel that the lab has no figure of. */
export function shareOf(kernel: Kernel, { lab, registers, device }: ModelledGpu): number {
  if (!isTiled(kernel)) return 1;
  if (kernel.slots.share !== "workgroup") return device.vendor === "intel" ? DIRECT.intel : DIRECT.share;
  if (lab === "sm_86") {
    const forward = BY_HAND[kernel.variant];
    if (forward === undefined) throw new Error(`shareOf: add ${kernel.variant} to BY_HAND`);
    return (
      (forward * figure("navi21", kernel.name).share) /
      figure("navi21", `conv2d_forward_${kernel.variant}`).share
    );
  }
  if (lab !== "none") return figure(lab, kernel.name).share;
  // Apple's, Arm's and Qualcomm's compilers cannot be asked: the instructions are taken to be those of AMD.
  const { share, registers: needed } = figure("navi21", kernel.name);
  return needed <= registers! ? share : share * Math.min(SHORT_OF_REGISTERS, registers! / needed);
}

function figure(gpu: string, kernel: string): { readonly share: number; readonly registers: number } {
  const found = FIGURES[gpu]?.[kernel];
  if (!found) throw new Error(`shareOf: the lab has no figure of ${kernel} on ${gpu}`);
  return { share: found.share ?? found.fmaShare!, registers: found.registers ?? 0 };
}

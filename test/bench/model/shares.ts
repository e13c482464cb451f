/** What share of a GPU's peak a kernel reaches on cores that are full, as far as a compiler can tell. */
import type { Dispatch } from "../../../src/graph/op.ts";
import { type DepthwiseConstants, suffixOf } from "../lab/depthwise.ts";
import { keptFigures } from "../lab/figures.ts";
import type { ModelledGpu } from "./gpus.ts";
import { isGrouped, isStrip, isTiled, withoutSize } from "./work.ts";

const FIGURES = keptFigures().gpus;

/**
 * Kernels that share nothing, made for CPUs: half of what AMD's compiler makes of the forward pass, since neighbours load
 * lines far from each other, and on Intel what is left of it with its spills.
 */
const DIRECT = { share: 0.27, intel: 0.15 } as const;

/**
 * Kernels for any grouping: by AMD's compiler 4 multiply-adds of about 50 cycles of vector instructions a tap (27 to 85, those
 * of products of whole numbers besides), as in the loop over taps, whose inside runs once where the convolution is depthwise.
 */
const GROUPED = 0.08;

/**
 * Of its speed, what a tile keeps at best whose registers an invocation does not have: over four GPUs llama.cpp measured 59 %
 * of the best for tiles of 64 sums and 80 % for tiles of 16 (its issue 22241).
 */
const SHORT_OF_REGISTERS = 0.74;

/** Throws an Error for a kernel that the lab has no figure of. */
export function shareOf(launch: Pick<Dispatch, "kernel" | "constants">, gpu: ModelledGpu): number {
  const { lab, registers, device } = gpu;
  const { kernel } = launch;
  if (isGrouped(kernel)) return GROUPED;
  if (isTiled(kernel)) {
    if (kernel.slots.share !== "workgroup") return device.vendor === "intel" ? DIRECT.intel : DIRECT.share;
  } else if (!isStrip(kernel)) return 1;
  const name = labName(launch);
  if (lab === "sm_86") {
    // The lab has the forward pass alone, translated by hand: another pass is to it as on AMD, and a tile that is missing as AMD's.
    const amd = figure("navi21", name).share;
    const forward = isTiled(kernel) ? `conv2d_forward_${kernel.variant}` : "";
    const translated = FIGURES.sm_86?.[forward]?.fmaShare;
    return translated ? (translated * amd) / figure("navi21", forward).share : amd;
  }
  if (lab !== "none") return figure(lab, name).share;
  // Apple's, Arm's and Qualcomm's compilers cannot be asked: the instructions are taken to be those of AMD.
  const { share, registers: needed } = figure("navi21", name);
  return needed <= registers! ? share : share * Math.min(SHORT_OF_REGISTERS, registers! / needed);
}

/** The lab compiles each kernel in the subgroups that the library asks for, and those for depthwise convolutions by window. */
export const labName = ({ kernel, constants }: Pick<Dispatch, "kernel" | "constants">): string =>
  isStrip(kernel)
    ? `${withoutSize(kernel)}_${suffixOf(constants as unknown as DepthwiseConstants)}`
    : withoutSize(kernel);

/** AMD's share is an estimate of the whole; of other vendors there are only the multiply-adds among the instructions. */
function figure(gpu: string, kernel: string): { readonly share: number; readonly registers: number } {
  const found = FIGURES[gpu]?.[kernel];
  if (!found) throw new Error(`shareOf: the lab has no figure of ${kernel} on ${gpu}`);
  return { share: found.share ?? found.fmaShare!, registers: found.registers ?? 0 };
}

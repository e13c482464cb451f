import type { Gpu } from "../../gpu/device.ts";
import type { TuningStore } from "../../gpu/tuning.ts";
import { browserStore } from "../../gpu/tuning-store.ts";
import {
  conv2d_forward_between_variants,
  conv2d_grad_input_sums_variants,
  conv2d_grad_weight_after_variants,
} from "../../kernel/variants.gen.ts";
import * as ops from "../../ops/index.ts";
import type { MeasurableTask } from "../../ops/tunable.ts";
import { adamw, sgd } from "../../optimizers/index.ts";
import { checkFusions, choicesOf } from "./check-fusions.ts";
import { type CheckedOp, checkKernels, type WrongKernel } from "./check-kernels.ts";
import { knownOps } from "./known-results.ts";

/** What `selfTest` found. */
export interface SelfTest {
  /**
   * The kernels that were found right: ops, and their passes with the variant, ` f16` where activations are; and
   * `training fusions`, in which nodes do a part of each other's work, with the variants of a convolution's passes.
   */
  readonly right: readonly string[];
  /** Those that were not, in whose place another one is used from now on. */
  readonly wrong: readonly WrongKernel[];
}

/**
 * Runs every kernel that this device may use on small problems whose results are known from f64, some milliseconds each
 * once it is compiled: a driver that computes wrong is found, and its wrong kernels are barred in `gpu.tuning`, for good
 * with the `store`, by default the browser's. `Trainer.create` does the same with the kernels of its model, once for each
 * adapter, browser version and version of the library, except on an emulated GPU, or with `tune: "off"`.
 *
 * Rejects with a DeviceError that names kernels, adapter and errors if some results come out wrong with any kernel.
 */
export async function selfTest(
  gpu: Gpu,
  { store = browserStore }: { readonly store?: TuningStore } = {},
): Promise<SelfTest> {
  const { capabilities, tuning } = gpu;
  tuning.tested.clear();
  const checked = Object.values(ops).flatMap((given): CheckedOp[] => {
    const op = given as CheckedOp["op"];
    const half =
      capabilities.features.includes("shader-f16") && knownOps[op.name]?.some((known) => known.half);
    return [{ op, half: false }, ...(half ? [{ op, half }] : [])];
  });
  const optimizers = [adamw({ lr: 1 }), sgd({ lr: 1 }), sgd({ lr: 1, momentum: 0.9 })];
  try {
    const all = (task: MeasurableTask) => task.variants(capabilities).map(({ name }) => name);
    const wrong = [...(await checkKernels(gpu, checked, all, optimizers))];
    const choices = choicesOf({
      forward: conv2d_forward_between_variants.map(({ variant }) => variant),
      grad_input: conv2d_grad_input_sums_variants.map(({ variant }) => variant),
      grad_weight: conv2d_grad_weight_after_variants.map(({ variant }) => variant),
    });
    for (const half of [false, true]) {
      if (half && !capabilities.features.includes("shader-f16")) continue;
      const fusions = await checkFusions(gpu, choices, half);
      if (fusions) wrong.push(fusions);
    }
    return { right: [...tuning.tested], wrong };
  } finally {
    await store.write(tuning.device, tuning.export());
  }
}

import type { Gpu } from "../../gpu/device.ts";
import { allOf, type TuningStore, taskKey } from "../../gpu/tuning.ts";
import { browserStore } from "../../gpu/tuning-store.ts";
import { Graph, type Precision } from "../../graph/graph.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { frozenIn } from "../../models/model.ts";
import type { AnyNetwork } from "../../models/network.ts";
import { lower } from "../../ops/lower.ts";
import { type MeasurableTask, recorder } from "../../ops/tunable.ts";
import type { Optimizer } from "../../optimizers/optimizer.ts";
import { checkFusions, choicesOf } from "../../run/self-test/check-fusions.ts";
import { type CheckedOp, checkKernels, type WrongKernel } from "../../run/self-test/check-kernels.ts";
import { loadTuning, type TuneOptions, tuneTasks } from "../../run/tuner.ts";
import { buildPass, type LossOf, objectiveOf } from "../objective.ts";
import { IdleTuning } from "./idle-tuning.ts";

/**
 * How to choose kernels, before a model is planned:
 * - `off`: use `gpu.tuning` as it is, which is empty at first
 * - `cached`: load stored measurements of this adapter and browser, if there are any
 * - `idle`: also measure what is missing of the largest tasks, a little between the steps of `fit`, for trainers made
 *   later. On an emulated GPU, where that is seldom worth it, the same as `cached`
 * - `full`: also measure all that is missing first, which takes seconds to minutes, once
 */
export type TuneMode = (typeof tuneModes)[number];

export const tuneModes = ["off", "cached", "idle", "full"] as const;

export interface TuneModelOptions extends TuneOptions {
  readonly batchSize: number;
  /** Whether the parameter of this name is frozen; gradients of frozen parameters are not measured. */
  readonly frozen?: (name: string) => boolean;
  /** Precision of the training to follow. Default `f32`. */
  readonly precision?: Precision;
  /** What training minimises, as in `TrainerOptions`. */
  readonly loss?: LossOf<AnyNetwork>;
}

/**
 * Measures the kernels of a model's training steps and evaluations on this device, except those already in
 * `gpu.tuning`, and keeps the best: for plans made from now on, and in `options.store` for later page loads.
 *
 * Different kernels round differently, so a run repeats bit for bit only with the same table. A plan keeps its kernels,
 * whatever is measured later.
 *
 * Rejects with the signal's reason when it is aborted, and with a DeviceError if a kernel crashes the device: open the
 * device again and go on; the store remembers that kernel.
 */
export async function tune(gpu: Gpu, model: AnyNetwork, options: TuneModelOptions): Promise<void> {
  await tuneTasks(gpu, usesOf(gpu, model, options).tasks, options);
}

/**
 * Prepares `gpu.tuning` as `mode` says, before a model is planned, and returns what measures more while it trains. On a
 * real GPU, kernels that were never checked on it are; rejects with a DeviceError if it computes wrong with all of them.
 */
export async function prepareTuning(
  gpu: Gpu,
  model: AnyNetwork,
  mode: TuneMode,
  options: TuneModelOptions & { readonly optimizer: Optimizer },
): Promise<IdleTuning | undefined> {
  if (mode === "off") return undefined;
  const { store = browserStore } = options;
  await loadTuning(gpu, store);
  if (!isCpu(gpu.capabilities)) await checkModel(gpu, model, options, store);
  if (mode === "full") await tune(gpu, model, options);
  if (mode !== "idle" || isCpu(gpu.capabilities)) return undefined;
  return new IdleTuning(gpu, () => usesOf(gpu, model, options, ["train"]).tasks, { store });
}

/** Checks the kernels that the model's plans will take and that were not checked before; wrong ones are replaced. */
async function checkModel(
  gpu: Gpu,
  model: AnyNetwork,
  options: TuneModelOptions & { readonly optimizer: Optimizer },
  store: TuningStore,
): Promise<void> {
  const { tuning, capabilities } = gpu;
  const before = tuning.tested.size;
  try {
    let wrong: readonly WrongKernel[];
    do {
      const { tasks, ops } = usesOf(gpu, model, options);
      const chosen = (task: MeasurableTask): string =>
        tuning.get(task)?.variant ?? task.variants(capabilities)[0]!.name;
      const planned = tasks.map((task) => `${taskKey(allOf(task))} ${chosen(task)}`);
      const wanted = (task: MeasurableTask): string[] =>
        task
          .variants(capabilities)
          .map(({ name }) => name)
          .filter((name) => planned.includes(`${taskKey(allOf(task))} ${name}`));
      wrong = await checkKernels(gpu, ops, wanted, [options.optimizer]);
      if (wrong.length === 0 && ops.some(({ op }) => op.name === "batch_norm")) {
        const conv = (pass: string): string[] => {
          const those = tasks.filter((task) => task.op === "conv2d" && task.pass === pass);
          return [...new Set(those.map(chosen))];
        };
        const variants = {
          forward: conv("forward"),
          grad_input: conv("grad_input"),
          grad_weight: conv("grad_weight"),
        };
        await checkFusions(gpu, choicesOf(variants), options.precision === "mixed");
      }
    } while (wrong.length > 0);
  } finally {
    if (tuning.tested.size > before) await store.write(tuning.device, tuning.export());
  }
}

/** What a model's training step and evaluation use: the ops, and the tasks that they look up when they are planned. */
function usesOf(
  gpu: Gpu,
  model: AnyNetwork,
  { batchSize, frozen, precision = "f32", loss }: TuneModelOptions,
  modes: readonly ("train" | "eval")[] = ["train", "eval"],
): { readonly tasks: readonly MeasurableTask[]; readonly ops: readonly CheckedOp[] } {
  const { device, tasks } = recorder(gpu.capabilities);
  const ops = new Map<string, CheckedOp>();
  const objective = objectiveOf({ model, ...(loss && { loss }) });
  for (const mode of modes) {
    const graph = new Graph({
      ...gpu.graphOptions,
      mode,
      device,
      precision,
      frozen: frozenIn(model, frozen),
    });
    const { loss } = buildPass(graph, objective, mode, batchSize);
    const { nodes } = lower(graph, mode === "train" && loss ? [[loss, null]] : []);
    for (const { op, inputs } of nodes) {
      const half = Object.values(inputs).some((input) => input?.storage.dtype === "f16");
      ops.set(`${op.name} ${half}`, { op, half });
    }
  }
  return { tasks, ops: [...ops.values()] };
}

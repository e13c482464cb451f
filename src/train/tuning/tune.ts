import type { Gpu } from "../../gpu/device.ts";
import { Graph, type Precision } from "../../graph/graph.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { frozenIn, type Model } from "../../models/model.ts";
import { lower } from "../../ops/lower.ts";
import { type MeasurableTask, recorder } from "../../ops/tunable.ts";
import { loadTuning, type TuneOptions, tuneTasks } from "../../run/tuner.ts";
import { evaluationPass, trainingPass } from "../passes.ts";
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
export async function tune(gpu: Gpu, model: Model, options: TuneModelOptions): Promise<void> {
  await tuneTasks(gpu, tasksOf(gpu, model, options), options);
}

/** Prepares `gpu.tuning` as `mode` says, before a model is planned, and returns what measures more while it trains. */
export async function prepareTuning(
  gpu: Gpu,
  model: Model,
  mode: TuneMode,
  options: TuneModelOptions,
): Promise<IdleTuning | undefined> {
  if (mode === "off") return undefined;
  await loadTuning(gpu, options.store);
  if (mode === "full") await tune(gpu, model, options);
  if (mode !== "idle" || isCpu(gpu.capabilities)) return undefined;
  const { store } = options;
  return new IdleTuning(gpu, () => tasksOf(gpu, model, options, ["train"]), store ? { store } : {});
}

/** The tasks that a model's ops look up when a training step and an evaluation are planned. */
function tasksOf(
  gpu: Gpu,
  model: Model,
  { batchSize, frozen, precision = "f32" }: TuneModelOptions,
  modes: readonly ("train" | "eval")[] = ["train", "eval"],
): readonly MeasurableTask[] {
  const { device, tasks } = recorder(gpu.capabilities);
  for (const mode of modes) {
    const graph = new Graph({
      ...gpu.graphOptions,
      mode,
      device,
      precision,
      frozen: frozenIn(model, frozen),
    });
    const images = graph.input("images", [batchSize, ...model.inputShape]);
    const labels = graph.input("labels", [batchSize], "i32");
    const pass = mode === "train" ? trainingPass : evaluationPass;
    const { loss } = pass(model, images, labels, {});
    lower(graph, mode === "train" ? [[loss, null]] : []);
  }
  return tasks;
}

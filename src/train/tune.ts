import type { Gpu } from "../gpu/device.ts";
import { Graph, type Precision } from "../graph/graph.ts";
import { lower } from "../graph/lower.ts";
import { frozenIn, type Model } from "../models/model.ts";
import { type MeasurableTask, recorder } from "../ops/tunable.ts";
import { loadTuning, type TuneOptions, tuneTasks } from "../run/tuner.ts";
import { evaluationPass, trainingPass } from "./passes.ts";

/**
 * What is done for faster kernels before a model is planned:
 * - `off`: nothing; `gpu.tuning` holds as it is, which is empty at first
 * - `cached`: measurements of this adapter and browser are loaded, where some were kept
 * - `full`: what is not known yet is measured as well, which takes seconds to minutes, once
 */
export type TuneMode = (typeof tuneModes)[number];

export const tuneModes = ["off", "cached", "full"] as const;

export interface TuneModelOptions extends TuneOptions {
  readonly batchSize: number;
  /** Names of parameters that do not train: their gradients are not measured. */
  readonly frozen?: (name: string) => boolean;
  /** Of the training that is to follow. Default `f32`. */
  readonly precision?: Precision;
}

/**
 * Measures the kernels of a model's training steps and evaluations on this device, those that `gpu.tuning` does not
 * know yet, and keeps the best: for plans that are made from now on, and in `options.store` for later pages.
 *
 * Other kernels round otherwise, so a run repeats bit for bit only with the same table: a plan keeps its kernels,
 * whatever is measured later.
 *
 * Rejects with the signal's reason, and with the DeviceError where a kernel took the device down: that kernel is
 * remembered, so open the device again and go on.
 */
export async function tune(gpu: Gpu, model: Model, options: TuneModelOptions): Promise<void> {
  await tuneTasks(gpu, tasksOf(gpu, model, options), options);
}

/** Does what `mode` says before a model is planned. */
export async function prepareTuning(
  gpu: Gpu,
  model: Model,
  mode: TuneMode,
  options: TuneModelOptions,
): Promise<void> {
  if (mode === "off") return;
  await loadTuning(gpu, options.store);
  if (mode === "full") await tune(gpu, model, options);
}

/** What a model's ops ask a table for when a training step and an evaluation are planned. */
function tasksOf(
  gpu: Gpu,
  model: Model,
  { batchSize, frozen, precision = "f32" }: TuneModelOptions,
): readonly MeasurableTask[] {
  const { device, tasks } = recorder(gpu.capabilities);
  for (const mode of ["train", "eval"] as const) {
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

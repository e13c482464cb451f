/** Options and results of `Trainer`. */
import type { Batch } from "../data/batches.ts";
import type { DataSource, Examples } from "../data/source.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Precision } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import type { AnyNetwork } from "../models/network.ts";
import type { ProgramOptions } from "../ops/lower.ts";
import type { Averages } from "../optimizers/averages.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import type { ModelInfo } from "../predict/model-file.ts";
import type { TuneOptions } from "../run/tuner.ts";
import type { Confusion } from "./evaluation/confusion.ts";
import type { Metric } from "./evaluation/metrics.ts";
import type { LossOf } from "./objective.ts";
import type { TrainingPassOptions } from "./passes.ts";
import type { Schedule } from "./schedules.ts";
import type { Kernels } from "./tuning/kernels.ts";
import type { TuneMode } from "./tuning/tune.ts";
import type { EarlyStopping, ReduceOnPlateau, WatchOptions } from "./watch.ts";

/** Results of metrics, by the names they were given. */
export type MetricValues = Readonly<Record<string, unknown>>;

/** What a trainer trains, on which GPU, and how. */
export interface TrainerOptions<M extends AnyNetwork = Model, V extends MetricValues = MetricValues>
  extends TrainingPassOptions,
    ProgramOptions {
  readonly gpu: Gpu;
  /** What to train: a classifier of images, or any `Network`. */
  readonly model: M;
  /**
   * What to minimise: a function of a classifier's logits (N, classes) and labels (N), or of a network's outputs and
   * targets by name, that ends in a loss such as `mseLoss`, or in a sum of them (`sumLosses`). With mixup or
   * cutmix, a classifier's labels are shares (N, classes), and those of a `multiLabel` one are (N, classes) in [0, 1]. Default,
   * for classifiers only: cross-entropy, or the model's own loss.
   *
   * What an evaluation tells is Σ [1] / Σ [2] over its batches; losses that are only a mean (1) count by their numbers of
   * examples. So do micro-batches, but for cross-entropy with `classWeights`.
   */
  readonly loss?: LossOf<M>;
  /** What evaluations tell besides, by names of your own: `{ top5: topK(5) }`. */
  readonly metrics?: { readonly [K in keyof V]: Metric<V[K]> };
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  /**
   * Number of equal parts in which a batch goes through the model, one after another, before one update with the sum of
   * their gradients. Only one part's activations are in memory at a time. Results match those of the whole batch up to
   * rounding, dropout and augmentation included, except that batch norm takes its statistics per part, and mixup and
   * cutmix mix within a part. Default 1.
   */
  readonly microBatches?: number;
  /**
   * `mixed` stores activations and their gradients as f16, about half the memory, and computes in f32; see `Precision`.
   * Steps whose gradients overflow are skipped; `lossScale` counts them. Default `f32`.
   */
  readonly precision?: Precision;
  /** Factor of the optimizer's learning rate over the run. Default constant. */
  readonly schedule?: Schedule;
  /** Determines initial weights, order of examples, dropout and augmentation. Default 0. */
  readonly seed?: number;
  /** Whether the parameter of this name is frozen, in addition to those the model freezes; see `freeze`. */
  readonly frozen?: (name: string) => boolean;
  /**
   * `ema({ decay })` averages weights and running statistics over steps. From the first step on, evaluations, predictions
   * and predictors use the averages; `averaged` saves them.
   */
  readonly ema?: Averages;
  /** Whether to load measurements of kernels before planning, and to measure what is missing. Default `idle`. */
  readonly tune?: TuneMode;
  /** For `tune`: where measurements are kept, progress, and how to stop. */
  readonly tuning?: TuneOptions;
  /**
   * The `kernels` of another trainer on this adapter, browser and version of the library, in place of what was measured.
   * Kernels round differently, so that only with the same ones a run goes on bit for bit.
   */
  readonly kernels?: Kernels;
}

/** What a checkpoint holds besides weights, moments and progress. */
export interface CheckpointOptions extends ModelInfo {
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a trainer tells: of a network that is no classifier, nothing about classes. */
export type Told<M extends AnyNetwork, T> = M extends Model
  ? T
  : Omit<T, "accuracy" | "confusion" | "testAccuracy">;

/** What a training step tells. */
export interface BatchInfo extends StepNumbers {
  /** Share of the batch classified correctly, or of a `multiLabel` classifier's labels. */
  readonly accuracy: number;
}

/** What a training step of any network tells. */
export interface StepNumbers {
  /** 1 for the first step of the run. */
  readonly step: number;
  /** Mean loss of the batch, before the update. */
  readonly loss: number;
  readonly learningRate: number;
  readonly examples: number;
  /** Norm of each parameter's gradient, before clipping, by name; with the optimizer's option `gradientNorms`. */
  readonly gradientNorms?: Readonly<Record<string, number>>;
  /**
   * How much each parameter changed, by name: the norm of what the step added to it, divided by its norm afterwards; 0 if
   * that is 0. So a parameter that starts at zero has 1 at first, and all have 0 in a step that mixed precision skips.
   * With the optimizer's option `updateRatios`.
   */
  readonly updateRatios?: Readonly<Record<string, number>>;
}

/** A step of `fit`. */
export interface StepInfo extends BatchInfo {
  readonly totalSteps: number;
  /** 1 for the first epoch. */
  readonly epoch: number;
  /** Time since the previous result. */
  readonly milliseconds: number;
}

/** What the end of an epoch tells, if there is `validation`. */
export interface EpochInfo<V extends MetricValues = MetricValues> {
  readonly epoch: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
  /** Of the validation data. */
  readonly confusion: Confusion;
  /** Those of the option `metrics`. */
  readonly metrics: V;
}

/**
 * How a network does on data: mean loss and metrics; of a classifier, share of right answers and confusion, which is empty
 * for labels that do not exclude each other (`multiLabel`): the metric `perLabel` tells of each.
 */
export interface Evaluation<V extends MetricValues = MetricValues> {
  readonly loss: number;
  readonly accuracy: number;
  readonly examples: number;
  readonly confusion: Confusion;
  /** Those of the option `metrics`. */
  readonly metrics: V;
}

/**
 * Examples to train on or to evaluate: for a classifier a data set of images, for a network values by name in memory,
 * and for both any source, which may be larger than memory.
 */
export type DataOf<M extends AnyNetwork> = M extends Model ? DataSource : DataSource | Examples;
/** A batch of them; of a classifier as a BatchLoader gives it, but for a `multiLabel` one, by name. */
export type BatchOf<M extends AnyNetwork> = M extends Model ? Batch | Examples : Examples;
/** What is predicted: class probabilities (N, classes), or a network's outputs by name, (N, …) without padding. */
export type PredictionOf<M extends AnyNetwork> = M extends Model
  ? Float32Array<ArrayBuffer>
  : Readonly<Record<string, Float32Array<ArrayBuffer>>>;

/** How long `fit` trains, and who hears of it. */
export interface FitOptions<M extends AnyNetwork = Model, V extends MetricValues = MetricValues> {
  /** Epochs of the whole run, including those before a resume. */
  readonly epochs: number;
  /**
   * Steps of the whole run after which `fit` ends, if they come before `epochs`; the schedule stays that of `epochs`. An
   * epoch that ends with the last of them is evaluated. Default: no limit.
   */
  readonly maxSteps?: number;
  /** What the schedule multiplies in this call. Default: the optimizer's. */
  readonly learningRate?: number;
  /** Evaluated after each epoch. */
  readonly validation?: DataOf<M>;
  /** Stops training after the steps in flight; `fit` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called for each step, in order. To pause training, return a promise. */
  readonly onStep?: (info: Told<M, StepInfo>) => void | Promise<void>;
  /** Called after each epoch's evaluation, in order. */
  readonly onEpoch?: (info: Told<M, EpochInfo<V>>) => void | Promise<void>;
  /** Progress of an evaluation, in examples. */
  readonly onEvaluate?: (done: number, total: number) => void;
  /** Stops training when validation has not become better. */
  readonly earlyStopping?: EarlyStopping;
  /** Lowers the learning rate when validation has not become better. */
  readonly reduceOnPlateau?: ReduceOnPlateau;
  /**
   * Keeps a copy of the weights and running statistics of the best epoch on the GPU, by validation loss or as the options
   * say, and restores it when the run ends, by early stopping or with its last epoch. The optimizer's state stays that
   * of the last step. Checkpoints do not hold the copy: after `restore`, only later epochs are compared.
   */
  readonly keepBest?: WatchOptions;
}

/** What `fit` has done: its steps and epochs, in order. */
export interface History<M extends AnyNetwork = Model, V extends MetricValues = MetricValues> {
  readonly steps: readonly Told<M, StepInfo>[];
  readonly epochs: readonly Told<M, EpochInfo<V>>[];
  /** Whether `earlyStopping` ended the run. */
  readonly stoppedEarly: boolean;
}

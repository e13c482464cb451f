/** Options and results of `Trainer`. */
import type { Dataset } from "../data/dataset.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Precision } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import type { ProgramOptions } from "../ops/lower.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import type { ModelInfo } from "../predict/model-file.ts";
import type { TuneOptions } from "../run/tuner.ts";
import type { Confusion } from "./confusion.ts";
import type { TrainingPassOptions } from "./passes.ts";
import type { Schedule } from "./schedules.ts";
import type { Kernels } from "./tuning/kernels.ts";
import type { TuneMode } from "./tuning/tune.ts";

/** What a trainer trains, on which GPU, and how. */
export interface TrainerOptions extends TrainingPassOptions, ProgramOptions {
  readonly gpu: Gpu;
  readonly model: Model;
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

/** What a training step tells. */
export interface BatchInfo {
  /** 1 for the first step of the run. */
  readonly step: number;
  /** Mean loss of the batch, before the update. */
  readonly loss: number;
  /** Share of the batch classified correctly. */
  readonly accuracy: number;
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
export interface EpochInfo {
  readonly epoch: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
  /** Of the validation data. */
  readonly confusion: Confusion;
}

/** How a model does on a data set: mean loss, share of right answers, and which classes are taken for which. */
export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  readonly examples: number;
  readonly confusion: Confusion;
}

/** How long `fit` trains, and who hears of it. */
export interface FitOptions {
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
  readonly validation?: Dataset;
  /** Stops training after the steps in flight; `fit` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called for each step, in order. To pause training, return a promise. */
  readonly onStep?: (info: StepInfo) => void | Promise<void>;
  /** Called after each epoch's evaluation, in order. */
  readonly onEpoch?: (info: EpochInfo) => void | Promise<void>;
  /** Progress of an evaluation, in examples. */
  readonly onEvaluate?: (done: number, total: number) => void;
  /** Stops training when the validation loss has not fallen by `minDelta` (default 0) for `patience` epochs. */
  readonly earlyStopping?: { readonly patience: number; readonly minDelta?: number };
}

/** What `fit` has done: its steps and epochs, in order. */
export interface History {
  readonly steps: readonly StepInfo[];
  readonly epochs: readonly EpochInfo[];
  /** Whether `earlyStopping` ended the run. */
  readonly stoppedEarly: boolean;
}

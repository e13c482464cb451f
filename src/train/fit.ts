/** Options and results of `Trainer.fit` and `evaluate`. */
import type { Dataset } from "../data/dataset.ts";
import type { Confusion } from "./confusion.ts";

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
}

/** A step of `fit`. */
export interface StepInfo extends BatchInfo {
  readonly totalSteps: number;
  /** 1 for the first epoch. */
  readonly epoch: number;
  /** Time since the previous result. */
  readonly milliseconds: number;
}

export interface EpochInfo {
  readonly epoch: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
  /** Of the validation data. */
  readonly confusion: Confusion;
}

export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  readonly examples: number;
  readonly confusion: Confusion;
}

export interface FitOptions {
  /** Epochs of the whole run, including those before a resume. */
  readonly epochs: number;
  /** Evaluated after each epoch. */
  readonly validation?: Dataset;
  /** Stops training after the steps in flight; `fit` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called for each step, in order. To pause training, return a promise. */
  readonly onStep?: (info: StepInfo) => void | Promise<void>;
  readonly onEpoch?: (info: EpochInfo) => void | Promise<void>;
  /** Progress of an evaluation, in examples. */
  readonly onEvaluate?: (done: number, total: number) => void;
  /** Stops training when the validation loss has not fallen by `minDelta` (default 0) for `patience` epochs. */
  readonly earlyStopping?: { readonly patience: number; readonly minDelta?: number };
}

export interface History {
  readonly steps: readonly StepInfo[];
  readonly epochs: readonly EpochInfo[];
  /** Whether `earlyStopping` ended the run. */
  readonly stoppedEarly: boolean;
}

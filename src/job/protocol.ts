/**
 * The commands and events of a training job, as plain data for `postMessage` and JSON (but checkpoints are bytes).
 * The page of the command line and the demo's worker use them.
 */
import type { Split } from "../data/load.ts";
import type { MemoryReport } from "../plan/plan.ts";
import type { Confusion } from "../train/confusion.ts";
import type { PretrainedReport } from "../transfer/pretrained.ts";
import type { JobSettings } from "./settings.ts";

/** A run so far; checkpoints hold it, so that the curves of a resumed run are complete. */
export interface JobHistory {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
}

export interface StepRecord {
  /** 1 for the first step of the run. */
  readonly step: number;
  readonly loss: number;
  /** Share of the batch that is classified correctly. */
  readonly accuracy: number;
  readonly milliseconds: number;
}

export interface EpochRecord {
  /** 1 for the first epoch of the run. */
  readonly epoch: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
}

export type JobCommand =
  /** Starts training; with a checkpoint, resumes where it stopped, with its settings instead of the given ones. */
  | { readonly type: "start"; readonly settings: JobSettings; readonly checkpoint?: Uint8Array }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** Ends the job after the current step and frees the GPU; a checkpoint and `stopped` follow. */
  | { readonly type: "stop" }
  /** Requests the class probabilities of test images by index; allowed while paused, training or done. */
  | { readonly type: "predict"; readonly indices: readonly number[] }
  /** Requests a checkpoint; allowed at the same times. */
  | { readonly type: "checkpoint" };

export interface Prediction {
  readonly index: number;
  readonly label: number;
  readonly probabilities: readonly number[];
  /** Grey or RGB bytes of the image, row by row. */
  readonly pixels: Uint8Array;
}

export type JobEvent =
  | { readonly type: "adapter"; readonly adapter: string }
  | { readonly type: "loading"; readonly what: string; readonly loaded: number; readonly total?: number }
  /** Images of a folder are decoded. */
  | { readonly type: "decoding"; readonly split: Split; readonly done: number; readonly total: number }
  /** Pretrained weights were loaded into the part of the model under `prefix`. */
  | ({ readonly type: "weights"; readonly file: string } & PretrainedReport)
  | {
      readonly type: "ready";
      readonly settings: JobSettings;
      readonly classes: readonly string[];
      readonly imageShape: readonly [height: number, width: number, channels: number];
      readonly parameters: number;
      /** Of the part that trains: with cached features, the part after them. */
      readonly dispatchesPerStep: number;
      readonly plan: MemoryReport;
      /** The plan's `describePlan` and `drawPlan`. */
      readonly planText: string;
      readonly planPicture: string;
      readonly firstStep: number;
      readonly totalSteps: number;
      readonly examples: number;
      readonly testExamples: number;
      /** What was done before, if the run is resumed. */
      readonly history: JobHistory;
    }
  /** Kernels are measured before training; `done` of `total` tasks have their best. */
  | { readonly type: "tuning"; readonly done: number; readonly total: number }
  /** The frozen part runs over the images; after an interruption it starts again. */
  | { readonly type: "caching"; readonly split: Split; readonly done: number; readonly total: number }
  | ({
      readonly type: "step";
      readonly epoch: number;
      readonly learningRate: number;
      readonly examples: number;
    } & StepRecord)
  | { readonly type: "evaluating"; readonly done: number; readonly total: number }
  /** `confusion`: of the test images. */
  | ({ readonly type: "epoch"; readonly confusion: Confusion } & EpochRecord)
  /** Made with the weights after `step` steps. */
  | { readonly type: "predictions"; readonly step: number; readonly predictions: readonly Prediction[] }
  /** On request, at the end of each epoch, and before `stopped`. */
  | { readonly type: "checkpoint"; readonly step: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "paused" }
  /** `step` steps were done; if there were none, there is no checkpoint. */
  | { readonly type: "stopped"; readonly step: number }
  | {
      readonly type: "done";
      readonly steps: number;
      readonly testLoss: number;
      readonly testAccuracy: number;
      readonly testExamples: number;
      readonly medianStepMs: number;
    }
  | { readonly type: "error"; readonly name: string; readonly message: string };

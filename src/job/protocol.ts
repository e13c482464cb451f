/**
 * What a training job is told and what it tells, as plain data that passes through `postMessage` and JSON
 * (checkpoints are bytes). The command line's page and the demo's worker speak it.
 */
import type { Split } from "../data/load.ts";
import type { MemoryReport } from "../plan/plan.ts";
import type { PretrainedReport } from "../transfer/pretrained.ts";
import type { JobSettings } from "./settings.ts";

/** A run so far; a checkpoint carries it, so that the curves of a resumed run are whole. */
export interface JobHistory {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
}

export interface StepRecord {
  /** 1 for the first step of the run. */
  readonly step: number;
  readonly loss: number;
  /** Share of the batch that was classified correctly. */
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
  /** Begins training; with a checkpoint, where that one stopped (its settings replace the given ones). */
  | { readonly type: "start"; readonly settings: JobSettings; readonly checkpoint?: Uint8Array }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** Ends the job after the step in flight and frees the GPU; a checkpoint and `stopped` follow. */
  | { readonly type: "stop" }
  /** Asks for the class probabilities of test images by number; allowed while paused, training or done. */
  | { readonly type: "predict"; readonly indices: readonly number[] }
  /** Asks for a checkpoint; allowed at the same times. */
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
  /** Images of a folder. */
  | { readonly type: "decoding"; readonly split: Split; readonly done: number; readonly total: number }
  /** Pretrained weights were loaded, into what begins with `prefix`. */
  | ({ readonly type: "weights"; readonly file: string } & PretrainedReport)
  | {
      readonly type: "ready";
      readonly settings: JobSettings;
      readonly classes: readonly string[];
      readonly imageShape: readonly [height: number, width: number, channels: number];
      readonly parameters: number;
      /** Of what trains: with cached features the part that follows them. */
      readonly dispatchesPerStep: number;
      readonly plan: MemoryReport;
      /** `describePlan` and `drawPlan` of it. */
      readonly planText: string;
      readonly planPicture: string;
      readonly firstStep: number;
      readonly totalSteps: number;
      readonly examples: number;
      readonly testExamples: number;
      /** What was done before, in a resumed run. */
      readonly history: JobHistory;
    }
  /** Kernels are measured before training; `done` of `total` computations have their best. */
  | { readonly type: "tuning"; readonly done: number; readonly total: number }
  /** The frozen part runs over the images; again from the first on when it was interrupted. */
  | { readonly type: "caching"; readonly split: Split; readonly done: number; readonly total: number }
  | ({
      readonly type: "step";
      readonly epoch: number;
      readonly learningRate: number;
      readonly examples: number;
    } & StepRecord)
  | { readonly type: "evaluating"; readonly done: number; readonly total: number }
  | ({ readonly type: "epoch" } & EpochRecord)
  /** By the weights after `step` steps. */
  | { readonly type: "predictions"; readonly step: number; readonly predictions: readonly Prediction[] }
  /** Asked for, and unasked at the end of each epoch and before `stopped`. */
  | { readonly type: "checkpoint"; readonly step: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "paused" }
  /** `step` steps were done; without any there was no checkpoint. */
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

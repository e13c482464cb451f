/**
 * The commands and events of a training job, as plain data for `postMessage` and JSON (but checkpoints are bytes, and
 * bitmaps and video frames can only be posted). The page of the command line and the demo's worker use them.
 *
 * Any command may come at any time:
 *
 * - Before the job is ready, commands are kept and carried out once it is, `pause` before the first step.
 * - Questions (`predict`, `activations`, `filters`) are answered in their order, after each step while training, or after
 *   the evaluation or the features under way; `checkpoint` once what is in flight is done. They change nothing about the
 *   run: its losses stay the same, bit for bit.
 * - After `done`, they are still answered, until `stop`; `pause`, `resume`, `step` and `learningRate` have no effect.
 * - What cannot be done is told by `refused`, and the run goes on. So are questions after `stop`, all commands after
 *   `stopped` or `error`, and questions that still wait then. An `error` comes once, and ends the job.
 */
import type { Split } from "../data/load.ts";
import type { Layer } from "../models/structure.ts";
import type { MemoryReport } from "../plan/plan.ts";
import type { Activations } from "../train/evaluation/activations.ts";
import type { Confusion } from "../train/evaluation/confusion.ts";
import type { BatchInfo } from "../train/options.ts";
import type { PretrainedReport } from "../transfer/pretrained.ts";
import type { JobSettings } from "./settings.ts";

/** A run so far; checkpoints hold it, so that the curves of a resumed run are complete. */
export interface JobHistory {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
  readonly samples: readonly SampleRecord[];
  /** Of the test images at the last epoch; undefined before there is one. */
  readonly confusion?: Confusion;
}

/** A training step: mean loss of its batch before the update, and how long it took. */
export interface StepRecord {
  /** 1 for the first step of the run. */
  readonly step: number;
  readonly loss: number;
  /** Share of the batch that is classified correctly. */
  readonly accuracy: number;
  readonly milliseconds: number;
}

/** The evaluation after an epoch. */
export interface EpochRecord {
  /** 1 for the first epoch of the run. */
  readonly epoch: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
}

/** The sample of test images (setting `sampleEvery`), evaluated with the weights after `step` steps. */
export interface SampleRecord {
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
}

/** Images to look at. */
export type JobImages =
  /** Test images, counted from 0. */
  | { readonly indices: readonly number[] }
  /**
   * One or more images in the shape of the run's (`imageShape` of `ready`), one after another: grey or RGB bytes, row by
   * row. In JSON, a list of whole numbers 0…255.
   */
  | { readonly pixels: Uint8Array | Uint8ClampedArray | readonly number[] }
  /**
   * Images of any size, each brought to the run's as `Preprocessor` does it: the shorter side resized, the middle cut
   * out, grey where the run's are grey. Transfer them; the job closes them.
   */
  | { readonly images: readonly (ImageBitmap | VideoFrame)[] };

/** What answers have of their questions. */
interface Asked {
  /** Of the app's choice, to tell one answer from another. */
  readonly id?: string | number;
}

/** What is asked about the weights as they are. */
export type JobQuestion =
  /** Requests the class probabilities of images. */
  | ({ readonly type: "predict" } & Asked & JobImages)
  /** Requests what a layer makes of images; `layers` of `ready` has the labels. */
  | ({ readonly type: "activations"; readonly layer: string } & Asked & JobImages)
  /** Requests the weight of a layer. */
  | ({ readonly type: "filters"; readonly layer: string } & Asked);

/** What a job is told to do. */
export type JobCommand =
  /** Starts training; with a checkpoint, resumes where it stopped, with its settings instead of the given ones. */
  | { readonly type: "start"; readonly settings: JobSettings; readonly checkpoint?: Uint8Array }
  /** Holds the run after the steps in flight, of which there are up to two, or in an evaluation; `paused` follows. */
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** Pauses after one more step; if it ends an epoch, after its evaluation. Several add up. */
  | { readonly type: "step" }
  /**
   * From the next step on, takes this rate in place of the setting `lr`; the schedule still multiplies it. Checkpoints
   * keep it. Refused unless finite and not negative.
   */
  | { readonly type: "learningRate"; readonly learningRate: number }
  /** Ends the job after the current step and frees the GPU; a checkpoint and `stopped` follow. */
  | { readonly type: "stop" }
  /** Requests a checkpoint. */
  | { readonly type: "checkpoint" }
  | JobQuestion;

/** What the model takes an image for. */
export interface Prediction {
  /** Of a test image, as is `label`. */
  readonly index?: number;
  readonly label?: number;
  readonly probabilities: readonly number[];
  /** Grey or RGB bytes of the image that the model saw, row by row. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** About a layer, with the weights after `step` steps. */
export interface LayerAnswer extends Asked, Activations {
  readonly step: number;
  readonly layer: string;
}

/** What a job tells. */
export type JobEvent =
  | { readonly type: "adapter"; readonly adapter: string }
  | { readonly type: "loading"; readonly what: string; readonly loaded: number; readonly total?: number }
  /** Images of a folder are decoded. */
  | { readonly type: "decoding"; readonly split: Split; readonly done: number; readonly total: number }
  /** So many images of a folder cannot be used, and are left out (setting `skipBroken`); what is wrong with the first 20. */
  | {
      readonly type: "skipped";
      readonly split: Split;
      readonly count: number;
      readonly images: readonly string[];
    }
  /** Pretrained weights were loaded into the part of the model under `prefix`. */
  | ({ readonly type: "weights"; readonly file: string } & PretrainedReport)
  | {
      readonly type: "ready";
      readonly settings: JobSettings;
      readonly classes: readonly string[];
      readonly imageShape: readonly [height: number, width: number, channels: number];
      readonly parameters: number;
      /** Of the whole model. */
      readonly layers: readonly Layer[];
      /** Of the part that trains: with cached features, the part after them. */
      readonly dispatchesPerStep: number;
      readonly plan: MemoryReport;
      /** The plan's `describePlan` and `drawPlan`. */
      readonly planText: string;
      readonly planPicture: string;
      readonly firstStep: number;
      readonly totalSteps: number;
      /** What the schedule multiplies: the setting `lr`, or the rate that was set before the run was resumed. */
      readonly learningRate: number;
      readonly examples: number;
      /** All of them or, where the last would be alone in a batch that the model cannot train on, all but one. */
      readonly examplesPerEpoch: number;
      readonly testExamples: number;
      /** What was done before, if the run is resumed. */
      readonly history: JobHistory;
    }
  /** Kernels are measured before training; `done` of `total` tasks have their best. */
  | { readonly type: "tuning"; readonly done: number; readonly total: number }
  /** The frozen part runs over the images; after an interruption it starts again. */
  | { readonly type: "caching"; readonly split: Split; readonly done: number; readonly total: number }
  /** Has gradient norms and update ratios, by the names of parameters, if the settings ask for them. */
  | ({ readonly type: "step"; readonly epoch: number } & StepRecord &
      Pick<BatchInfo, "learningRate" | "examples" | "gradientNorms" | "updateRatios">)
  | ({ readonly type: "sample" } & SampleRecord)
  | { readonly type: "evaluating"; readonly done: number; readonly total: number }
  /** `confusion`: of the test images. */
  | ({ readonly type: "epoch"; readonly confusion: Confusion } & EpochRecord)
  /** Made with the weights after `step` steps, in the order of the images asked for. */
  | ({
      readonly type: "predictions";
      readonly step: number;
      readonly predictions: readonly Prediction[];
    } & Asked)
  /** What a layer makes of each of N images: (N, H, W, C), or (N, C). */
  | ({ readonly type: "activations" } & LayerAnswer)
  /** The weight of a layer: (R, S, C, K) of a convolution of C to K channels, (C, K) of a dense layer. */
  | ({ readonly type: "filters" } & LayerAnswer)
  /** On request, after each minute of training (see `JobOptions`), at the end of each epoch, and before `stopped`. */
  | { readonly type: "checkpoint"; readonly step: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** No step is in flight, and none begins before `resume` or `step`. */
  | { readonly type: "paused" }
  /** This command could not be carried out, for the reason in `message`; the run is as if it had not come. */
  | ({ readonly type: "refused"; readonly command: JobCommand["type"]; readonly message: string } & Asked)
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

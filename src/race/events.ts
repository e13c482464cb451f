/** What a race tells while it runs, as plain data: an event can be posted to another thread or kept as JSON. */
import type { BatchInfo } from "../train/options.ts";
import type { RaceResults, SeedResult, Verdict } from "./verdict.ts";

/** Lists by lane are in the order of the lanes; null stands for a lane that has ended with a NonFiniteError. */
export type RaceEvent =
  /** The lanes begin anew with this seed, number `index` of `seeds`, counted from 0. */
  | {
      readonly type: "seed";
      readonly seed: number;
      readonly index: number;
      readonly seeds: number;
      readonly totalSteps: number;
    }
  /** All lanes have done a step. */
  | {
      readonly type: "step";
      readonly seed: number;
      /** 1 for the first step with this seed, and so is `epoch`. */
      readonly step: number;
      readonly totalSteps: number;
      readonly epoch: number;
      readonly lanes: readonly (BatchInfo | null)[];
      /** Time since the previous step of all lanes, or since the race went on. */
      readonly milliseconds: number;
    }
  /** Accuracies on the sample, with the weights after this step. */
  | {
      readonly type: "sample";
      readonly seed: number;
      readonly step: number;
      readonly accuracies: readonly (number | null)[];
    }
  /** This lane has ended with a NonFiniteError, which says at which step; the others go on. */
  | { readonly type: "ended"; readonly seed: number; readonly lane: number; readonly message: string }
  /** No step is in flight, and none begins before `resume` or `step`. */
  | { readonly type: "paused"; readonly seed: number; readonly step: number }
  /** A seed is done; the verdict is about all so far. */
  | ({ readonly type: "result"; readonly verdict: Verdict } & SeedResult);

/** Who hears of a race, and how it is stopped. */
export interface RunOptions {
  /** Stops after the steps in flight; `run` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Hears everything, in order. */
  readonly onEvent?: (event: RaceEvent) => void;
}

/** How a race ended. */
export interface RaceResult extends RaceResults {
  /** Whether `stop` came before the last seed was done. */
  readonly stopped: boolean;
  readonly verdict: Verdict;
}

/** Where a race is. */
export interface RaceSnapshot {
  readonly results: readonly SeedResult[];
  /** The seed of the lanes. */
  readonly seed: number;
  /** Steps done with it. */
  readonly step: number;
  /** The rate of `setLearningRate`; null without one. */
  readonly learningRate: number | null;
  /** For each lane a checkpoint of its trainer, or the message of its NonFiniteError; none between two seeds. */
  readonly lanes: readonly (Uint8Array<ArrayBuffer> | string)[];
}

/** Memory of a lane's training step, bytes. */
export interface LaneMemory {
  readonly lane: string;
  /** Number of trainable values. */
  readonly parameters: number;
  /** What lives within a step. */
  readonly temporaryBytes: number;
  /** Parameters, their gradients and moments, states, constants, inputs and outputs. */
  readonly persistentBytes: number;
}

/** What a race takes of the GPU, in bytes. */
export interface RaceMemory {
  readonly lanes: readonly LaneMemory[];
  /** Of all lanes together: all are in memory at once. */
  readonly bytes: number;
}

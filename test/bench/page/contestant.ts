import type { Model } from "webgraft";
import type { Task } from "../cases.ts";
import type { Network } from "./network.ts";

/** What each contestant gets. */
export interface Problem extends Network {
  readonly task: Task;
  /** The model that `layers` describe. */
  readonly model: Model;
  readonly batch: number;
  /** (N, H, W, C) */
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
  /** Parameters and running statistics under PyTorch's names, in its shapes: [K, C, R, S], [K, C·H·W], [C]. */
  readonly weights: ReadonlyMap<string, Weight>;
  readonly learningRate: number;
  readonly momentum: number;
}

export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** The problem in one library. The default export of each file in `../peers` is a `MakeContestant`. */
export interface Contestant {
  /** Name and version. */
  readonly name: string;
  /**
   * Training: one step of SGD on the batch; resolves with the loss before the update, once the GPU has finished the
   * step. Inference: resolves with the logits (N, classes).
   */
  run(): Promise<Float32Array>;
}

export type MakeContestant = (problem: Problem) => Promise<Contestant>;

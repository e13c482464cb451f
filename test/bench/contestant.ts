/** What page and contestants agree on. */
export interface Problem {
  readonly batch: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly channels: number;
  readonly classes: number;
  readonly learningRate: number;
  readonly momentum: number;
  /** (N, H, W, C) */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  /** Initial weights under PyTorch's names, in its shapes: [K, C, R, S], [K, C·H·W], [C]. */
  readonly weights: ReadonlyMap<string, Weight>;
}

export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The interleaved network and SGD, in one library. Each file of `peers/` default-exports a `MakeContestant`. */
export interface Contestant {
  /** Name and version. */
  readonly name: string;
  /**
   * One training step on the problem's batch: forward, backward, update. Resolves with the loss before the
   * update, once the GPU has finished all of it.
   */
  step(): Promise<number>;
}

export type MakeContestant = (problem: Problem) => Promise<Contestant>;

import type { Model } from "../../../src/models/index.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";

export type BatchShape = readonly [N: number, H: number, W: number, C: number];

/** A whole network of another library, in a file as people have it: narrow, with seeded weights. */
export interface NetworkRow {
  readonly network: string;
  /** Whose it is, and what wrote the file. */
  readonly source: string;
  /** Names of weights that training need not change, since their gradient is zero but for rounding. */
  readonly still?: RegExp;
  /** How many images it is tried with. */
  readonly batch: number;
  read(): Promise<{ readonly model: Model; readonly weights: NamedWeights }>;
  /** The images (N, H, W, C). */
  images(shape: BatchShape): Float32Array<ArrayBuffer>;
  /** What the source's own runtime makes of the images: logits, (N, classes). */
  expected(shape: BatchShape): Promise<ArrayLike<number>>;
}

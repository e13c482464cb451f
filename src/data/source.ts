/** Anything that gives examples by their index: larger than memory, computed, or fetched while the GPU works. */
export interface DataSource {
  /** What errors call it. */
  readonly name?: string;
  /** Number of examples. */
  readonly length: number;
  /**
   * The examples with these indices, 0 … length − 1 in any order: for each input and target of the network, by its name,
   * values of (indices.length, …shape) row by row, without padding. `images` and `labels` are those of a classifier.
   *
   * It may be called for the next batches while the GPU works on this one, so the arrays have to stay as they are. The
   * signal aborts when nobody waits for them any more.
   */
  batch(indices: Uint32Array, options: { readonly signal?: AbortSignal }): Examples | Promise<Examples>;
}

/**
 * Values of examples by the names of inputs and targets. For those of type f32, bytes stand for 0…1 in steps of 1/255;
 * for whole numbers, such as labels, they are numbers.
 */
export type Examples = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

import { DataError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { pad4 } from "../graph/tensor.ts";
import type { Dataset } from "./dataset.ts";
import type { DataSource } from "./source.ts";

/** Examples laid out for the GPU. Valid until `batch` has been called twice more. */
export interface Batch {
  /** (size, height, width, channels padded to a multiple of 4), normalised; the padding is zero. */
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
  /** Number of examples: the batch size, or fewer in the last batch of an epoch. */
  readonly size: number;
}

/** How a data set is cut into batches. */
export interface BatchOptions {
  readonly batchSize: number;
  /** With the epoch, determines the order of the examples. */
  readonly seed?: number;
  /** Whether each epoch has its own order (the default) or that of the data set. */
  readonly shuffle?: boolean;
}

/**
 * Cuts a data set into normalised batches. Any batch of any epoch can be made at any time, so a resumed run
 * continues where it stopped. Two sets of buffers alternate: one can be uploading to the GPU while the other is
 * filled. Throws DataError for a batch size that is no whole number from 1 to the number of examples, and for a batch
 * that the epoch does not have.
 */
export class BatchLoader {
  /** Examples in each batch but the last of an epoch, which may be smaller. */
  readonly batchSize: number;
  /** Number of examples. */
  readonly length: number;
  /** Number of batches, the smaller last one included. */
  readonly batchesPerEpoch: number;
  readonly #dataset: Dataset;
  readonly #order: ExampleOrder;
  readonly #write: ImageWriter;
  readonly #buffers: readonly [Batch, Batch];
  #turn: 0 | 1 = 0;

  constructor(dataset: Dataset, options: BatchOptions) {
    const { batchSize } = options;
    this.#order = new ExampleOrder("BatchLoader", dataset, options);
    this.batchSize = batchSize;
    this.length = dataset.length;
    this.batchesPerEpoch = Math.ceil(dataset.length / batchSize);
    this.#dataset = dataset;
    this.#write = imageWriter(dataset, pad4(dataset.shape[2]));
    this.#buffers = [emptyBatch(dataset, batchSize), emptyBatch(dataset, batchSize)];
  }

  /** Batch `index` of epoch `epoch`, both counted from 0. */
  batch(epoch: number, index: number): Batch {
    if (!isCount(epoch) || !isCount(index) || index >= this.batchesPerEpoch) {
      throw new DataError(
        `BatchLoader: there is no batch ${index} in epoch ${epoch} — an epoch has ${this.batchesPerEpoch} batches, ` +
          "counted from 0",
      );
    }
    return this.batchAt(epoch, index * this.batchSize);
  }

  /** The batch that begins with example number `first` of epoch `epoch`, both counted from 0. */
  batchAt(epoch: number, first: number): Batch {
    const indices = this.#order.batchAt(epoch, first);
    this.#turn = this.#turn === 0 ? 1 : 0;
    const full = this.#buffers[this.#turn];
    const size = indices.length;
    for (let i = 0; i < size; i++) {
      const example = indices[i]!;
      this.#write(example, full.images, i);
      full.labels[i] = this.#dataset.labels[example]!;
    }
    if (size === this.batchSize) return full;
    return {
      images: full.images.subarray(0, (full.images.length / this.batchSize) * size),
      labels: full.labels.subarray(0, size),
      size,
    };
  }
}

/** Which examples are in which batch: any batch of any epoch, by the seed alone. */
export class ExampleOrder {
  readonly #operation: string;
  readonly #batchSize: number;
  readonly #seed: number;
  readonly #shuffle: boolean;
  #epoch = -1;
  #order: Uint32Array;

  /** Throws DataError unless batches have 1 … length examples. */
  constructor(
    operation: string,
    { name = "the data source", length }: Pick<DataSource, "name" | "length">,
    { batchSize, seed = 0, shuffle = true }: BatchOptions,
  ) {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new DataError(`${operation}: batchSize must be a positive whole number — got ${batchSize}`);
    }
    if (batchSize > length) {
      throw new DataError(
        `${operation}: got batchSize ${batchSize}, but ${name} has ${length} examples — take batchSize ≤ ${length}`,
      );
    }
    this.#operation = operation;
    this.#batchSize = batchSize;
    this.#seed = seed;
    this.#shuffle = shuffle;
    this.#order = Uint32Array.from({ length }, (_, index) => index);
  }

  /** Indices of the batch that begins with example number `first` of an epoch: a view. Throws DataError if there is none. */
  batchAt(epoch: number, first: number): Uint32Array {
    const { length } = this.#order;
    if (!isCount(epoch) || !isCount(first) || first >= length) {
      throw new DataError(
        `${this.#operation}: there is no example ${first} in epoch ${epoch} — an epoch has ${length} examples, ` +
          "counted from 0",
      );
    }
    if (this.#shuffle && epoch !== this.#epoch) {
      this.#order = new Random(this.#seed, `shuffle ${epoch}`).permutation(length);
      this.#epoch = epoch;
    }
    return this.#order.subarray(first, first + this.#batchSize);
  }
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;

function emptyBatch({ shape: [height, width, channels] }: Dataset, size: number): Batch {
  const images = new Float32Array(size * height * width * pad4(channels));
  return { images, labels: new Int32Array(size), size };
}

/** Writes image `example`, normalised, into place `slot` of a batch. The padding is never written and stays zero. */
export type ImageWriter = (example: number, batch: Float32Array, slot: number) => void;

/** For batches with `stride` values a pixel, the channels first. */
export function imageWriter(
  { shape, images, normalize: { mean, std } }: Pick<Dataset, "shape" | "images" | "normalize">,
  stride: number,
): ImageWriter {
  const [height, width, channels] = shape;
  const pixels = height * width;
  const scale = images instanceof Uint8Array ? 1 / 255 : 1;
  const factor = std.map((deviation) => scale / deviation);
  const shift = std.map((deviation, channel) => -mean[channel]! / deviation);
  return (example, batch, slot) => {
    for (let channel = 0; channel < channels; channel++) {
      const a = factor[channel]!;
      const b = shift[channel]!;
      let from = example * pixels * channels + channel;
      let to = slot * pixels * stride + channel;
      for (let pixel = 0; pixel < pixels; pixel++) {
        batch[to] = images[from]! * a + b;
        from += channels;
        to += stride;
      }
    }
  };
}

import { DataError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { imageWriter } from "./batches.ts";
import type { DataSource, Examples } from "./source.ts";

/** Labelled images held in memory. `createDataset` makes one. */
export interface Dataset extends DataSource {
  readonly name: string;
  /** Number of examples. */
  readonly length: number;
  readonly shape: readonly [height: number, width: number, channels: number];
  /** The names of labels 0, 1, … */
  readonly classes: readonly string[];
  /** (length, height, width, channels); bytes stand for 0…1 in steps of 1/255. */
  readonly images: Uint8Array | Float32Array;
  readonly labels: Int32Array;
  /** Per channel, on the 0…1 scale for bytes: a batch holds (value − mean) / std. */
  readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** `images`, normalised, and `labels`. */
  batch(this: Dataset, indices: Uint32Array): Examples;
}

/** Whether a source is a data set in memory, which can be cut into batches without waiting. */
export const isDataset = (source: DataSource): source is Dataset =>
  "images" in source && "labels" in source && "normalize" in source;

/** Of `this`, so that it fits copies with other images too. */
function batch(this: Dataset, indices: Uint32Array): Examples {
  const { shape, labels } = this;
  const images = new Float32Array(indices.length * shape[0] * shape[1] * shape[2]);
  const write = imageWriter(this, shape[2]);
  indices.forEach((example, slot) => {
    write(example, images, slot);
  });
  return { images, labels: Int32Array.from(indices, (example) => labels[example]!) };
}

/**
 * Makes a data set of its parts. Without `normalize`, values stay as they are. Throws DataError if the parts do not
 * fit together, or hold a label out of range or a value that is not finite.
 */
export function createDataset(
  parts: Omit<Dataset, "length" | "normalize" | "batch"> & Partial<Pick<Dataset, "normalize">>,
): Dataset {
  const { name, shape, classes, images, labels } = parts;
  const fail = (reason: string): never => {
    throw new DataError(`dataset ${name}: ${reason}`);
  };
  const length = labels.length;
  const channels = shape[2];
  if (length === 0) fail("there are no examples — labels is empty");
  if (!shape.every((extent) => Number.isInteger(extent) && extent > 0)) {
    fail(`shape must be three positive whole numbers — got (${shape.join(", ")})`);
  }
  if (classes.length === 0) fail("there are no classes — classes is empty");
  const size = shape[0] * shape[1] * channels;
  if (images.length !== length * size) {
    fail(
      `images and labels do not fit — ${length} images of shape (${shape.join(", ")}) have ` +
        `${length * size} values, got ${images.length}`,
    );
  }
  const badLabel = labels.findIndex(
    (label) => !Number.isInteger(label) || label < 0 || label >= classes.length,
  );
  if (badLabel >= 0) {
    fail(`labels must be 0…${classes.length - 1} — got ${labels[badLabel]} for example ${badLabel}`);
  }
  if (images instanceof Float32Array) {
    const badValue = images.findIndex((value) => !Number.isFinite(value));
    if (badValue >= 0) {
      fail(
        `images must be finite — got ${images[badValue]} in image ${Math.floor(badValue / size)}, value ${badValue % size}`,
      );
    }
  }
  const normalize = parts.normalize ?? {
    mean: Array<number>(channels).fill(0),
    std: Array<number>(channels).fill(1),
  };
  const { mean, std } = normalize;
  if (mean.length !== channels || std.length !== channels) {
    fail(
      `normalize needs a mean and a std a channel, ${channels} of each — got ${mean.length} and ${std.length}`,
    );
  }
  if (!mean.every(Number.isFinite) || !std.every((value) => Number.isFinite(value) && value > 0)) {
    fail(`normalize needs finite means and positive stds — mean ${mean.join(", ")}, std ${std.join(", ")}`);
  }
  return { name, length, shape, classes, images, labels, normalize, batch };
}

/** The first `n` examples, sharing memory with `dataset`. Throws DataError if there are not so many. */
export function take(dataset: Dataset, n: number): Dataset {
  if (!Number.isInteger(n) || n < 1 || n > dataset.length) {
    throw new DataError(`take: n must be 1…${dataset.length}, what ${dataset.name} has — got ${n}`);
  }
  const size = dataset.images.length / dataset.length;
  return {
    ...dataset,
    length: n,
    images: dataset.images.subarray(0, n * size),
    labels: dataset.labels.subarray(0, n),
  };
}

/** A copy of the examples with these indices, in this order. Throws DataError for an index out of range. */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const size = dataset.images.length / dataset.length;
  const length = indices.length;
  if (length === 0) throw new DataError(`subset: got no indices into ${dataset.name}`);
  const images =
    dataset.images instanceof Uint8Array ? new Uint8Array(length * size) : new Float32Array(length * size);
  const labels = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const index = indices[i]!;
    const label = dataset.labels[index];
    if (label === undefined) {
      throw new DataError(
        `subset: indices into ${dataset.name} must be 0…${dataset.length - 1} — got ${index} at place ${i}`,
      );
    }
    images.set(dataset.images.subarray(index * size, (index + 1) * size), i * size);
    labels[i] = label;
  }
  return { ...dataset, length, images, labels };
}

/**
 * The indices, in ascending order, of a subset with `perClass` examples of each class, chosen by the seed. A smaller
 * `perClass` chooses some of the same. Throws DataError if a class has too few.
 */
export function balancedIndices(
  { labels, classes }: { readonly labels: ArrayLike<number>; readonly classes: readonly string[] },
  perClass: number,
  seed: number,
): Uint32Array {
  if (!Number.isInteger(perClass) || perClass < 1) {
    throw new DataError(`balanced: perClass must be a positive whole number — got ${perClass}`);
  }
  const byClass = classes.map((): number[] => []);
  for (let i = 0; i < labels.length; i++) byClass[labels[i]!]!.push(i);
  const chosen = byClass.flatMap((indices, label) => {
    if (indices.length < perClass) {
      throw new DataError(
        `balanced: got perClass ${perClass}, but class ${classes[label]} has ${indices.length} examples — ` +
          `take perClass ≤ ${indices.length}`,
      );
    }
    const order = new Random(seed, `balanced ${label}`).permutation(indices.length);
    return Array.from(order.subarray(0, perClass), (i) => indices[i]!);
  });
  return Uint32Array.from(chosen).sort();
}

/** A copy of `perClass` examples of each class, chosen by `balancedIndices`. */
export const balanced = (dataset: Dataset, perClass: number, seed: number): Dataset =>
  subset(dataset, balancedIndices(dataset, perClass, seed));

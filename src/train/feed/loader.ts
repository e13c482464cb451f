/** Where batches come from. */
import { DataError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import { type Batch, BatchLoader, type BatchOptions } from "../../data/batches.ts";
import type { Dataset } from "../../data/dataset.ts";
import { isClassifier } from "../../models/network.ts";
import { checkBatch, checkDataset } from "../checks.ts";
import type { Fed, Mode, Task } from "../task.ts";
import { countExamples, type Examples, rowsOf, toFed } from "./examples.ts";

/** Gives any batch of any epoch; valid until two more have been made. */
export interface Loader {
  /** Number of examples. */
  readonly length: number;
  readonly batchSize: number;
  /** The batch that begins with example number `first` of an epoch, both counted from 0. */
  batchAt(epoch: number, first: number): Fed | Promise<Fed>;
}

/** Loads a data set of images, in batches of at most its length. */
export function loadDataset(dataset: Dataset, options: BatchOptions): Loader {
  const batchSize =
    options.shuffle === false ? Math.min(options.batchSize, dataset.length) : options.batchSize;
  const loader = new BatchLoader(dataset, { ...options, batchSize });
  return {
    length: loader.length,
    batchSize,
    batchAt(epoch, first) {
      const { images, labels, size } = loader.batchAt(epoch, first);
      return { values: { images, labels }, size };
    },
  };
}

/** Loads examples from memory. Throws DataError if they do not fit the network, or are fewer than a shuffled batch. */
export function loadExamples(
  operation: string,
  specs: Task["inputs"],
  examples: Examples,
  { batchSize: most, seed = 0, shuffle = true }: BatchOptions,
): Loader {
  const length = countExamples(operation, specs, examples);
  if (shuffle && most > length) {
    throw new DataError(
      `${operation}: got batchSize ${most}, but ${length} examples — take batchSize ≤ ${length}`,
    );
  }
  const batchSize = Math.min(most, length);
  let shuffled: { readonly epoch: number; readonly order: Uint32Array } | undefined;
  return {
    length,
    batchSize,
    batchAt(epoch, first) {
      if (shuffle && shuffled?.epoch !== epoch) {
        shuffled = { epoch, order: new Random(seed, `shuffle ${epoch}`).permutation(length) };
      }
      const size = Math.min(batchSize, length - first);
      const indices =
        shuffled?.order.subarray(first, first + size) ?? Array.from({ length: size }, (_, i) => first + i);
      return toFed(specs, rowsOf(examples, specs, indices), size);
    },
  };
}

/** Loads the data of a task, checked. To predict, targets need not be there. */
export function loaderOf(
  operation: string,
  task: Task,
  data: unknown,
  options: BatchOptions,
  mode: Mode,
): Loader {
  const { network } = task;
  if (isClassifier(network)) {
    checkDataset(data as Dataset, network);
    return loadDataset(data as Dataset, options);
  }
  return loadExamples(operation, specsFor(task, mode), data as Examples, options);
}

/** A batch of at most `most` examples as the GPU takes it. Throws DataError if it does not fit the network. */
export function batchOf(operation: string, task: Task, batch: unknown, most: number): Fed {
  const { network } = task;
  if (isClassifier(network)) {
    checkBatch(operation, batch as Batch, network, most);
    const { images, labels, size } = batch as Batch;
    return { values: { images, labels }, size };
  }
  const specs = specsFor(task, "train");
  const size = countExamples(operation, specs, batch as Examples);
  if (size > most) {
    throw new DataError(
      `${operation}: a batch must have 1…${most} examples, the trainer's batchSize — got ${size}`,
    );
  }
  return toFed(specs, batch as Examples, size);
}

const specsFor = ({ inputs, targets }: Task, mode: Mode): Task["inputs"] =>
  mode === "predict" ? inputs : { ...inputs, ...targets };

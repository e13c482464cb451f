/** Where the batches of a task come from. */
import { DataError } from "../../base/errors.ts";
import type { Batch } from "../../data/batches.ts";
import { type Dataset, isDataset } from "../../data/dataset.ts";
import { type Loader, type LoaderOptions, openLoader } from "../../data/loader.ts";
import type { DataSource, Examples } from "../../data/source.ts";
import { isClassifier } from "../../models/network.ts";
import { checkBatch, checkDataset, checkLabels } from "../checks.ts";
import type { Fed, Mode, Task } from "../task.ts";
import { countExamples, sourceOfExamples, toFed } from "./examples.ts";

/**
 * Loads the data of a task: a data set of images, any source, or for a network examples in memory by name. What is in
 * memory is checked here, what a source gives with each batch. To predict, targets need not be there.
 */
export function loaderOf(
  operation: string,
  task: Task,
  data: DataSource | Examples,
  options: LoaderOptions,
  mode: Mode,
): Loader {
  const { network } = task;
  const specs = specsFor(task, mode);
  if (isSource(data)) {
    if (!isClassifier(network)) return openLoader(data, specs, options);
    if (isDataset(data)) checkDataset(data, network);
    else if (mode !== "predict") return withLabels(openLoader(data, specs, options), data, network.classes);
    return openLoader(data, specs, options);
  }
  if (isClassifier(network)) {
    throw new DataError(
      `${operation}: takes a data set of images, or another source with a length and batch()`,
    );
  }
  const length = countExamples(operation, task, specs, data);
  return openLoader(sourceOfExamples(operation, specs, data, length), specs, options);
}

/** A batch of at most `most` examples as the GPU takes it. Throws DataError if it does not fit the network. */
export function batchOf(operation: string, task: Task, batch: Batch | Examples, most: number): Fed {
  const { network } = task;
  if (isClassifier(network)) {
    checkBatch(operation, batch as Batch, network, most);
    const { images, labels, size } = batch as Batch;
    return { values: { images, labels }, size };
  }
  const specs = specsFor(task, "train");
  const size = countExamples(operation, task, specs, batch as Examples);
  if (size > most) {
    throw new DataError(
      `${operation}: a batch must have 1…${most} examples, the trainer's batchSize — got ${size}`,
    );
  }
  return toFed(specs, batch as Examples, size);
}

/** Throws DataError, as loading would, unless data in memory fit the task. */
export function checkData(task: Task, data: DataSource | Examples | Dataset): void {
  loaderOf("check", task, data, { batchSize: 1 }, "train").close();
}

const specsFor = ({ inputs, targets }: Task, mode: Mode): Task["inputs"] =>
  mode === "predict" ? inputs : { ...inputs, ...targets };

const isSource = (data: DataSource | Examples): data is DataSource => typeof data.batch === "function";

/** A loader whose labels are checked: one out of range would only make the loss NaN. */
const withLabels = (loader: Loader, { name = "the data source" }: DataSource, classes: number): Loader => ({
  length: loader.length,
  batchSize: loader.batchSize,
  async batchAt(epoch, first) {
    const batch = await loader.batchAt(epoch, first);
    checkLabels(`${name}: batch of epoch ${epoch} from ${first}`, batch.values.labels as Int32Array, classes);
    return batch;
  },
  close: () => loader.close(),
});

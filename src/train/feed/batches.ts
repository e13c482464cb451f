/** Where the batches of an objective come from. */
import { DataError } from "../../base/errors.ts";
import type { Batch } from "../../data/batches.ts";
import { type Dataset, isDataset } from "../../data/dataset.ts";
import { type Loader, type LoaderOptions, notWithin, openLoader } from "../../data/loader.ts";
import type { DataSource, Examples } from "../../data/source.ts";
import { hasManyLabels } from "../../models/model.ts";
import { isClassifier } from "../../models/network.ts";
import { checkBatch, checkDataset } from "../checks.ts";
import type { Fed, Mode, Objective } from "../objective.ts";
import { countExamples, sourceOfExamples, toFed } from "./examples.ts";

/**
 * Loads the data of an objective: a data set of images, any source, or for a network examples in memory by name. What is
 * in memory is checked here, what a source gives with each batch. To predict, targets need not be there.
 */
export function loaderOf(
  operation: string,
  objective: Objective,
  data: DataSource | Examples,
  options: LoaderOptions,
  mode: Mode,
): Loader {
  const { network } = objective;
  const specs = specsFor(objective, mode);
  if (isSource(data)) {
    if (isClassifier(network) && isDataset(data)) checkDataset(data, network, mode !== "predict");
    return openLoader(data, specs, options);
  }
  if (isClassifier(network)) {
    throw new DataError(
      `${operation}: takes a data set of images, or another source with a length and batch()`,
    );
  }
  const length = countExamples(operation, objective, specs, data);
  return openLoader(sourceOfExamples(operation, specs, data, length), specs, options);
}

/** A batch of at most `most` examples as the GPU takes it. Throws DataError if it does not fit the network. */
export function batchOf(operation: string, objective: Objective, batch: Batch | Examples, most: number): Fed {
  const { network } = objective;
  if (isClassifier(network) && !hasManyLabels(network)) {
    checkBatch(operation, batch as Batch, network, most);
    const { images, labels, size } = batch as Batch;
    return { values: { images, labels }, size };
  }
  const specs = specsFor(objective, "train");
  const size = countExamples(operation, objective, specs, batch as Examples);
  if (size > most) {
    throw new DataError(
      `${operation}: a batch must have 1…${most} examples, the trainer's batchSize — got ${size}`,
    );
  }
  const examples = batch as Examples;
  for (const [name, { most }] of Object.entries(specs)) {
    if (most !== undefined && notWithin(examples[name]!, most) >= 0)
      throw new DataError(`${operation}: ${name} must be in [0, ${most}]`);
  }
  return toFed(specs, examples, size);
}

/** Throws DataError, as loading would, unless data in memory fit the objective. */
export function checkData(objective: Objective, data: DataSource | Examples | Dataset): void {
  loaderOf("check", objective, data, { batchSize: 1 }, "train").close();
}

const specsFor = ({ inputs, targets }: Objective, mode: Mode): Objective["inputs"] =>
  mode === "predict" ? inputs : { ...inputs, ...targets };

const isSource = (data: DataSource | Examples): data is DataSource => typeof data.batch === "function";

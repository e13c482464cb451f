import { DataError, NonFiniteError } from "../base/errors.ts";
import type { Batch } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { pad4 } from "../graph/tensor.ts";
import { hasManyLabels, type Model } from "../models/model.ts";
import type { AnyNetwork } from "../models/network.ts";
import type { BatchInfo, FitOptions, TrainerOptions } from "./options.ts";
import { checkWatches } from "./watch.ts";

/** Throws DataError unless a trainer's batch is a whole number of images, in equal parts. */
export function checkSizes({
  batchSize,
  microBatches = 1,
}: Pick<TrainerOptions, "batchSize" | "microBatches">): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new DataError(`Trainer: batchSize must be a positive whole number — got ${batchSize}`);
  }
  if (!Number.isInteger(microBatches) || microBatches < 1 || batchSize % microBatches !== 0) {
    throw new DataError(
      `Trainer: microBatches must be a positive whole number that divides batchSize — got ` +
        `batchSize ${batchSize}, microBatches ${microBatches}`,
    );
  }
}

/** Throws DataError unless a batch has 1…`most` examples in the layout of a BatchLoader that fit the model. */
export function checkBatch(
  operation: string,
  { images, labels, size }: Batch,
  { inputShape, classes }: Model,
  most: number,
): void {
  if (!Number.isInteger(size) || size < 1 || size > most) {
    throw new DataError(
      `${operation}: a batch must have 1…${most} examples, the trainer's batchSize — got ${size}`,
    );
  }
  const [height, width, channels] = inputShape;
  const expected = size * height * width * pad4(channels);
  if (images.length !== expected || labels.length !== size) {
    throw new DataError(
      `${operation}: ${size} examples of (${inputShape.join(", ")}), channels padded to ${pad4(channels)}, have ` +
        `${expected} values and ${size} labels — got ${images.length} and ${labels.length}; a BatchLoader makes them`,
    );
  }
  checkLabels(operation, labels, classes);
}

/** Throws DataError for options of `fit` that make no sense. */
export function checkFit({
  epochs,
  maxSteps = Infinity,
  validation,
  learningRate = 0,
  ...watches
}: FitOptions<AnyNetwork>): void {
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new DataError(`fit: epochs must be a whole number — got ${epochs}`);
  }
  if (!(Number.isInteger(maxSteps) || maxSteps === Infinity) || maxSteps < 0) {
    throw new DataError(`fit: maxSteps must be a whole number — got ${maxSteps}`);
  }
  const { earlyStopping, reduceOnPlateau, keepBest } = watches;
  checkWatches({ earlyStopping, reduceOnPlateau, keepBest }, validation !== undefined);
  checkLearningRate("fit", learningRate);
}

/** Throws DataError unless a data set fits the model, its labels included if they are needed. */
export function checkDataset(dataset: Dataset, model: Model, labelled: boolean): void {
  const { name, inputShape, classes } = model;
  if (dataset.shape.join() !== inputShape.join()) {
    throw new DataError(
      `${name}: expects images (${inputShape.join(", ")}), ${dataset.name} has (${dataset.shape.join(", ")})`,
    );
  }
  if (hasManyLabels(model)) {
    if (!labelled) return;
    throw new DataError(
      `${name}: expects labels (N, ${classes}) in [0, 1], of a source, ${dataset.name} has one an image`,
    );
  }
  if (dataset.classes.length !== classes) {
    throw new DataError(`${name}: has ${classes} classes, ${dataset.name} has ${dataset.classes.length}`);
  }
  checkLabels(dataset.name, dataset.labels, classes);
}

/** Throws DataError unless labels are those of classes. */
function checkLabels(what: string, labels: Int32Array, classes: number): void {
  const bad = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (bad < 0) return;
  throw new DataError(`${what}: labels must be 0…${classes - 1} — got ${labels[bad]} for example ${bad}`);
}

/** Throws DataError unless a learning rate is finite and not negative. */
export function checkLearningRate(operation: string, rate: number): void {
  if (Number.isFinite(rate) && rate >= 0) return;
  throw new DataError(`${operation}: learningRate must be finite and not negative — got ${rate}`);
}

const REMEDY =
  "go back to an earlier checkpoint with a smaller learning rate or clipping (clipNorm), or look for extreme values " +
  "in the data";

/**
 * Throws NonFiniteError if a step's loss is not finite, or if its update raised a flag: one for the gradients, one for
 * the weights (`nonFinite` in `Update.outputs`; none if nothing trains). A step that mixed precision skips raises none.
 */
export function checkStep(
  { loss, step, learningRate }: Pick<BatchInfo, "loss" | "step" | "learningRate">,
  [gradients = 0, weights = 0]: Iterable<number> = [],
): void {
  const bad = [
    ...(Number.isFinite(loss) ? [] : [`the loss is ${loss}`]),
    ...(gradients ? ["gradients are not finite"] : []),
    ...(weights ? ["weights are not finite"] : []),
  ];
  if (bad.length === 0) return;
  throw new NonFiniteError(
    `step ${step}: ${bad.join(", ")} — learning rate ${learningRate.toPrecision(3)}; ${REMEDY}`,
  );
}

/** Throws NonFiniteError if the loss of an evaluation is not finite; `when` says how far the run is. */
export function checkEvaluation(when: string, loss: number): void {
  if (Number.isFinite(loss)) return;
  throw new NonFiniteError(`${when}: the validation loss is ${loss} — ${REMEDY}`);
}

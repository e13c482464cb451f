import { DataError } from "../base/errors.ts";
import type { Batch } from "../data/batches.ts";
import { pad4 } from "../graph/tensor.ts";
import type { Model } from "../models/model.ts";

/** Throws DataError unless a batch has 1…`most` examples in the layout of a BatchLoader that fit the model. */
export function checkBatch(
  { images, labels, size }: Batch,
  { inputShape, classes }: Model,
  most: number,
): void {
  if (!Number.isInteger(size) || size < 1 || size > most) {
    throw new DataError(
      `trainStep: a batch must have 1…${most} examples, the trainer's batchSize — got ${size}`,
    );
  }
  const [height, width, channels] = inputShape;
  const expected = size * height * width * pad4(channels);
  if (images.length !== expected || labels.length !== size) {
    throw new DataError(
      `trainStep: ${size} examples of (${inputShape.join(", ")}), channels padded to ${pad4(channels)}, have ` +
        `${expected} values and ${size} labels — got ${images.length} and ${labels.length}; a BatchLoader makes them`,
    );
  }
  const bad = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (bad >= 0) {
    throw new DataError(
      `trainStep: labels must be 0…${classes - 1} — got ${labels[bad]} for example ${bad} of the batch`,
    );
  }
}

/** Throws DataError unless a learning rate is finite and not negative. */
export function checkLearningRate(operation: string, rate: number): void {
  if (rate >= 0 && rate < Infinity) return;
  throw new DataError(`${operation}: learningRate must be finite and not negative — got ${rate}`);
}

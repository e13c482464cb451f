import type { Batch } from "../data/batches.ts";
import { hasSoftTargets, type TrainingPassOptions } from "./passes.ts";

/** A part of a batch. */
export interface MicroBatch extends Batch {
  /** Index of its first example in the batch. */
  readonly first: number;
  /** Its share in the mean loss of the batch. */
  readonly share: number;
}

/** Splits a batch into parts of `size` examples; the last may be smaller. The parts are views. */
export function microBatchesOf(
  batch: Batch,
  size: number,
  options: TrainingPassOptions,
): readonly MicroBatch[] {
  if (batch.size <= size) return [{ ...batch, first: 0, share: 1 }];
  const each = batch.images.length / batch.size;
  const all = weightOf(batch.labels, options);
  const parts: MicroBatch[] = [];
  for (let first = 0; first < batch.size; first += size) {
    const end = Math.min(first + size, batch.size);
    const labels = batch.labels.subarray(first, end);
    const images = batch.images.subarray(first * each, end * each);
    // If no label has a weight, all losses are 0.
    const share = all > 0 ? weightOf(labels, options) / all : 0;
    parts.push({ images, labels, size: end - first, first, share });
  }
  return parts;
}

/** The divisor of the mean loss of these examples. */
function weightOf(labels: Int32Array, options: TrainingPassOptions): number {
  const { classWeights } = options;
  if (!classWeights || hasSoftTargets(options.augment)) return labels.length;
  return labels.reduce((sum, label) => sum + (classWeights[label] ?? 0), 0);
}

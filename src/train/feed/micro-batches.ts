import type { Fed, Objective } from "../objective.ts";

/** A part of a batch. */
export interface MicroBatch extends Fed {
  /** Index of its first example in the batch. */
  readonly first: number;
  /** Its share in the mean loss of the batch. */
  readonly share: number;
}

/** Splits a batch into parts of `size` examples; the last may be smaller. The parts are views. */
export function microBatchesOf(
  batch: Fed,
  size: number,
  weightOf: Objective["weightOf"],
): readonly MicroBatch[] {
  if (batch.size <= size) return [{ ...batch, first: 0, share: 1 }];
  const all = weightOf(batch);
  const parts: MicroBatch[] = [];
  for (let first = 0; first < batch.size; first += size) {
    const end = Math.min(first + size, batch.size);
    const values = Object.fromEntries(
      Object.entries(batch.values).map(([name, whole]) => {
        const each = whole.length / batch.size;
        return [name, whole.subarray(first * each, end * each)];
      }),
    );
    const part = { values, size: end - first };
    // If no example has a weight, all losses are 0.
    parts.push({ ...part, first, share: all > 0 ? weightOf(part) / all : 0 });
  }
  return parts;
}

/** The spread of several timings, in milliseconds. */
export interface Spread {
  readonly medianMs: number;
  /** First and third quartile. */
  readonly quartilesMs: readonly [number, number];
}

export const spread = (times: readonly number[]): Spread => ({
  medianMs: quantile(times, 0.5),
  quartilesMs: [quantile(times, 0.25), quantile(times, 0.75)],
});

/** Linear interpolation between the two nearest values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** How much of a gradient reaches each layer, compared with the median layer of its lane. */
import type { SeedLog } from "../runs/run.ts";

/** Below and above these ratios to the median, a gradient counts as too small and too large. */
export const LIMITS = { low: 1 / 10, high: 10 };

/** A step's gradients are noisy, so the last few count together. */
const STEPS = 5;

/** Each layer's gradient norm over that of the median layer; undefined before the first step. */
export function gradientRatios(log: SeedLog | undefined, lane: number): readonly number[] | undefined {
  const recent = log?.steps.slice(-STEPS).flatMap(({ gradients }) => gradients[lane] ?? []);
  const layers = log?.steps.at(-1)?.gradients[lane]?.length ?? 0;
  if (!recent || layers === 0) return undefined;
  const sums = Array<number>(layers).fill(0);
  recent.forEach((norm, i) => {
    sums[i % layers]! += Math.log(Math.max(norm, Number.MIN_VALUE));
  });
  const means = sums.map((sum) => (sum * layers) / recent.length);
  const median = means.toSorted((a, b) => a - b)[layers >> 1]!;
  return means.map((mean) => Math.exp(mean - median));
}

export type Reach = "low" | "usual" | "high";

export const reachOf = (ratio: number): Reach =>
  ratio < LIMITS.low ? "low" : ratio > LIMITS.high ? "high" : "usual";

/** From a tenth of the median to ten times as much, on a log scale. */
export function opacityOf(ratio: number): number {
  const place = Math.log(ratio / LIMITS.low) / Math.log(LIMITS.high / LIMITS.low);
  return 0.12 + 0.88 * Math.min(1, Math.max(0, place));
}

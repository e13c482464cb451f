/** Steps that a smoothed value mostly tells of. */
const WINDOW = 25;

/**
 * The exponential moving average of a curve of steps, corrected for its start at 0, for display. A value depends only on
 * those before it, so what is drawn stays as the run goes on.
 */
export function smooth(values: readonly number[]): number[] {
  const keep = 1 - 1 / WINDOW;
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

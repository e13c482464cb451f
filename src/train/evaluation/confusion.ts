/** How often examples of a class (row) were predicted to be of another one (column). */
export type Confusion = readonly (readonly number[])[];

/** The class with the largest of example `i`'s logits or probabilities (N, classes), the first of several. */
export function predictedClass(values: ArrayLike<number>, i: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) {
    if (values[i * classes + k]! > values[i * classes + best]!) best = k;
  }
  return best;
}

/**
 * The shares of labels that scores (N, classes) tell right, summed over `size` examples: a label is there if its score is
 * above the threshold. `labels` are in the padded layout.
 */
export function rightLabels(
  scores: ArrayLike<number>,
  threshold: number,
  labels: ArrayLike<number>,
  size: number,
): number {
  const [classes, stride] = [scores.length / size, labels.length / size];
  let right = 0;
  for (let i = 0; i < scores.length; i++) {
    const label = labels[Math.floor(i / classes) * stride + (i % classes)]!;
    if (scores[i]! > threshold === label > 0.5) right++;
  }
  return right / classes;
}

/** Counts predictions. */
export class ConfusionCounter {
  readonly counts: number[][];

  constructor(classes: number) {
    this.counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /** Adds examples with these labels; `probabilities` (N, classes) may hold more rows than there are labels. */
  add(labels: ArrayLike<number>, probabilities: ArrayLike<number>): void {
    for (let i = 0; i < labels.length; i++) {
      this.counts[labels[i]!]![predictedClass(probabilities, i, this.counts.length)]!++;
    }
  }
}

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

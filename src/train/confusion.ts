/** How often examples of a class (row) were predicted to be of another one (column). */
export type Confusion = readonly (readonly number[])[];

/** Counts predictions: the class with the largest of an example's probabilities, the first such class of several. */
export class ConfusionCounter {
  readonly counts: number[][];

  constructor(classes: number) {
    this.counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /** Adds examples with these labels; `probabilities` (N, classes) may hold more rows than there are labels. */
  add(labels: Int32Array, probabilities: ArrayLike<number>): void {
    const classes = this.counts.length;
    labels.forEach((label, i) => {
      let best = 0;
      for (let k = 1; k < classes; k++) {
        if (probabilities[i * classes + k]! > probabilities[i * classes + best]!) best = k;
      }
      this.counts[label]![best]!++;
    });
  }
}

import type { Dataset } from "../data/dataset.ts";
import type { Outputs } from "../run/session.ts";
import { ConfusionCounter } from "./confusion.ts";
import type { Evaluation } from "./options.ts";

/** Adds up what the batches of an evaluation tell, in the order of the data set. */
export class EvaluationSums {
  /** Examples added. */
  done = 0;
  readonly #labels: Dataset["labels"];
  readonly #confusion: ConfusionCounter;
  /** Of `loss`, as `crossEntropy` lays it out, without the batch's mean. */
  readonly #sums = [0, 0, 0, 0] as [number, number, number, number];

  constructor(labels: Dataset["labels"], classes: number) {
    this.#labels = labels;
    this.#confusion = new ConfusionCounter(classes);
  }

  add({ loss, probabilities }: Outputs, size: number): void {
    for (const i of [0, 1, 2, 3] as const) this.#sums[i] += loss![1 + i]!;
    this.#confusion.add(this.#labels.subarray(this.done, this.done + size), probabilities!);
    this.done += size;
  }

  get evaluation(): Evaluation {
    const [losses, weights, correct, counted] = this.#sums;
    const { counts } = this.#confusion;
    return { loss: losses / weights, accuracy: correct / counted, examples: counted, confusion: counts };
  }
}

import { ShapeError } from "../../base/errors.ts";
import { unpad } from "../../graph/tensor.ts";
import { isClassifier } from "../../models/network.ts";
import type { Outputs } from "../../run/session.ts";
import type { Fed, Objective } from "../objective.ts";
import type { Evaluation } from "../options.ts";
import { ConfusionCounter } from "./confusion.ts";
import type { Metric, MetricBatch } from "./metrics.ts";

/** Adds up what the batches of an evaluation tell, in the order of the data. */
export class EvaluationSums {
  /** Examples added. */
  done = 0;
  readonly #objective: Objective;
  readonly #confusion: ConfusionCounter | undefined;
  /** Σ losses, and what it is divided by for their mean. */
  #losses = 0;
  #weights = 0;
  /** Of cross-entropy, and of several labels: how many examples were classified correctly. */
  #correct = 0;
  readonly #metrics: readonly (readonly [name: string, metric: Metric, sums: number[]])[];

  constructor(objective: Objective, metrics: Readonly<Record<string, Metric>>) {
    const { network } = objective;
    this.#objective = objective;
    const { right } = objective;
    this.#confusion = isClassifier(network) ? new ConfusionCounter(right ? 0 : network.classes) : undefined;
    this.#metrics = Object.entries(metrics).map(([name, metric]) => [name, metric, []]);
  }

  add(all: Outputs, { values, size }: Fed): void {
    const { loss, ...outputs } = all as Outputs & { readonly loss: Outputs[string] };
    // A loss that is only a mean counts by its examples.
    this.#losses += loss.length > 1 ? loss[1]! : size * loss[0]!;
    this.#weights += loss.length > 1 ? loss[2]! : size;
    const { probabilities } = outputs;
    const { right } = this.#objective;
    this.#correct += right?.(probabilities!, { values, size }) ?? loss[3] ?? 0;
    this.done += size;
    if (!right) this.#confusion?.add(values.labels!, probabilities!);
    if (this.#metrics.length === 0) return;
    const targets = Object.entries(this.#objective.targets).map(([name, { shape }]) => {
      const stored = values[name]!;
      return [
        name,
        shape.length > 0 && stored instanceof Float32Array ? unpad(stored, shape) : stored,
      ] as const;
    });
    const batch = { outputs, targets: Object.fromEntries(targets), size } as MetricBatch;
    for (const [name, metric, sums] of this.#metrics) addTo(sums, metric.sums(batch), name);
  }

  get evaluation(): Evaluation {
    const metrics = Object.fromEntries(
      this.#metrics.map(([name, metric, sums]) => [name, metric.value(sums)]),
    );
    const told = { loss: this.#losses / this.#weights, examples: this.done, metrics };
    const counts = this.#confusion?.counts;
    if (!counts) return told as Evaluation;
    const counted = (): number => counts.reduce((sum, row, k) => sum + row[k]!, 0);
    const { ignored, right } = this.#objective;
    const correct = ignored === undefined && !right ? counted() : this.#correct;
    return { ...told, accuracy: correct / this.done, confusion: counts };
  }
}

function addTo(sums: number[], more: ArrayLike<number>, name: string): void {
  if (sums.length > 0 && more.length !== sums.length) {
    const reason = "must give as many numbers for each batch";
    throw new ShapeError(`metric ${name}`, reason, `${sums.length}, then ${more.length}`);
  }
  for (let i = 0; i < more.length; i++) sums[i] = (sums[i] ?? 0) + more[i]!;
}

/** Puts the outputs of batches one after the other. */
export class Predictions {
  readonly values: Record<string, Float32Array<ArrayBuffer>> = {};
  readonly #length: number;
  #done = 0;

  /** Of so many examples. */
  constructor(length: number) {
    this.#length = length;
  }

  add(outputs: Outputs, size: number): void {
    for (const [name, some] of Object.entries(outputs)) {
      this.values[name] ??= new Float32Array(this.#length * (some.length / size));
      this.values[name].set(some, this.#done * (some.length / size));
    }
    this.#done += size;
  }
}

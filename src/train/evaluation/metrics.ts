/** What an evaluation tells besides the loss. */
import { ShapeError } from "../../base/errors.ts";
import { type Confusion, ConfusionCounter } from "./confusion.ts";

/** What a batch of an evaluation gave, without padding, one example after the other. */
export interface MetricBatch {
  /** By name: a classifier's `probabilities` (N, classes), or a network's outputs. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
  /** By name: a classifier's `labels` (N), or a network's targets. */
  readonly targets: Readonly<Record<string, Float32Array | Int32Array>>;
  /** Number of examples N. */
  readonly size: number;
}

/**
 * A number, or more, over all examples of an evaluation. The numbers that batches give are added up, so that results do
 * not depend on how the data are cut into batches.
 *
 *     const meanAbsoluteError: Metric<number> = {
 *       sums: ({ outputs: { y }, targets, size }) => [y.reduce((sum, v, i) => sum + Math.abs(v - targets.y[i]), 0), size],
 *       value: ([sum, count]) => sum / count,
 *     };
 */
export interface Metric<Value = unknown> {
  /** What a batch adds; as many numbers for each. */
  sums(batch: MetricBatch): ArrayLike<number>;
  /** The result of the sums over all batches. */
  value(sums: readonly number[]): Value;
}

/** Where a metric of classes looks. Default a classifier's. */
export interface ClassMetricOptions {
  /** The output with scores of classes (N, K): logits or probabilities. Default `probabilities`. */
  readonly output?: string;
  /** The target with labels i32 (N). Examples whose label is negative do not count. Default `labels`. */
  readonly target?: string;
}

/** Share of examples whose largest score is that of their label. */
export const accuracy = (options: ClassMetricOptions = {}): Metric<number> => topK(1, options);

/**
 * Share of examples whose label is among the `k` largest scores. Of equal scores, the first are the larger.
 * Throws ShapeError unless `k` is a positive whole number.
 */
export function topK(k: number, options: ClassMetricOptions = {}): Metric<number> {
  if (!Number.isInteger(k) || k < 1)
    throw new ShapeError("topK", "k must be a positive whole number", String(k));
  return {
    sums(batch) {
      let right = 0;
      let count = 0;
      eachLabelled("topK", batch, options, (scores, label) => {
        const own = scores[label]!;
        let before = 0;
        scores.forEach((score, i) => {
          if (score > own || (score === own && i < label)) before++;
        });
        if (before < k) right++;
        count++;
      });
      return [right, count];
    },
    value: ([right, count]) => right! / count!,
  };
}

/** How often examples of a class (row) were predicted to be of another one (column). */
export const confusionMatrix = (options: ClassMetricOptions = {}): Metric<Confusion> => ({
  sums(batch) {
    let counter: ConfusionCounter | undefined;
    eachLabelled("confusionMatrix", batch, options, (scores, label) => {
      counter ??= new ConfusionCounter(scores.length);
      counter.add([label], scores);
    });
    const { output = "probabilities" } = options;
    return (
      counter?.counts.flat() ?? new Array<number>((batch.outputs[output]!.length / batch.size) ** 2).fill(0)
    );
  },
  value: squareOf,
});

/** How well a class is recognised. What would be divided by 0 is 0, as in scikit-learn. */
export interface ClassScores {
  /** Share of the examples predicted to be of the class that are. */
  readonly precision: number;
  /** Share of the examples of the class that are predicted to be. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
  /** Number of examples of the class. */
  readonly examples: number;
}

/** Precision, recall and F1 of each class. */
export const perClass = (options: ClassMetricOptions = {}): Metric<readonly ClassScores[]> => ({
  sums: confusionMatrix(options).sums,
  value: (sums) => scoresOf(squareOf(sums)),
});

/** Precision, recall and F1 of each class of a confusion matrix, such as that of an `Evaluation`. */
export const scoresOf = (confusion: Confusion): readonly ClassScores[] =>
  confusion.map((row, k) => {
    const examples = row.reduce((sum, count) => sum + count, 0);
    const predicted = confusion.reduce((sum, other) => sum + other[k]!, 0);
    return scoresFrom(row[k]!, predicted, examples);
  });

function scoresFrom(right: number, predicted: number, examples: number): ClassScores {
  const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
  return {
    precision: ratio(right, predicted),
    recall: ratio(right, examples),
    f1: ratio(2 * right, predicted + examples),
    examples,
  };
}

/** Where a metric of labels looks, and from which score on a label is predicted to be there. */
export interface LabelMetricOptions extends ClassMetricOptions {
  /** A label is there if its score is above. Default 0.5; for logits 0. */
  readonly threshold?: number;
}

/**
 * Precision, recall and F1 of each label of those that do not exclude each other: scores and targets (N, K). Throws ShapeError
 * for an evaluation without them.
 */
export const perLabel = (options: LabelMetricOptions = {}): Metric<readonly ClassScores[]> => ({
  sums({ outputs, targets, size }) {
    const { output = "probabilities", target = "labels", threshold = 0.5 } = options;
    const [scores, labels] = [outputs[output], targets[target]];
    if (!scores || labels?.length !== scores.length) {
      const given = `outputs ${Object.keys(outputs).join(", ")}; targets ${Object.keys(targets).join(", ")}`;
      throw new ShapeError("perLabel", `needs the output ${output} and the target ${target}, (N, K)`, given);
    }
    const classes = scores.length / size;
    const sums = new Array<number>(3 * classes).fill(0);
    scores.forEach((score, i) => {
      const [k, predicted, is] = [3 * (i % classes), score > threshold, labels[i]! > 0.5];
      sums[k]! += Number(predicted && is);
      sums[k + 1]! += Number(predicted);
      sums[k + 2]! += Number(is);
    });
    return sums;
  },
  value: (sums) =>
    Array.from({ length: sums.length / 3 }, (_, k) =>
      scoresFrom(sums[3 * k]!, sums[3 * k + 1]!, sums[3 * k + 2]!),
    ),
});

/** Rows of as many numbers as there are rows. */
function squareOf(sums: readonly number[]): Confusion {
  const classes = Math.sqrt(sums.length);
  return Array.from({ length: classes }, (_, k) => sums.slice(k * classes, (k + 1) * classes));
}

function eachLabelled(
  metric: string,
  { outputs, targets, size }: MetricBatch,
  { output = "probabilities", target = "labels" }: ClassMetricOptions,
  take: (scores: Float32Array, label: number) => void,
): void {
  const [scores, labels] = [outputs[output], targets[target]];
  if (!scores || !labels || labels.length !== size) {
    const given = `outputs ${Object.keys(outputs).join(", ")}; targets ${Object.keys(targets).join(", ")}`;
    throw new ShapeError(metric, `needs the output ${output} (N, K) and the target ${target} (N)`, given);
  }
  const classes = scores.length / size;
  labels.forEach((label, i) => {
    if (label >= classes) throw new ShapeError(metric, `labels must be below ${classes}`, String(label));
    if (label >= 0) take(scores.subarray(i * classes, (i + 1) * classes), label);
  });
}

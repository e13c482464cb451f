import { expect, it } from "vitest";
import {
  accuracy,
  confusionMatrix,
  type Metric,
  type MetricBatch,
  perClass,
  perLabel,
  scoresOf,
  topK,
} from "../../../src/train/evaluation/metrics.ts";

/** Rows of scores of three classes, and labels, as batches of these sizes. */
const SCORES = [
  [0.5, 0.3, 0.2],
  [0.2, 0.2, 0.6],
  [0.1, 0.8, 0.1],
  [0.4, 0.4, 0.2],
  [0.3, 0.1, 0.6],
];
const LABELS = [0, 1, 1, 1, 2];
function over<V>(metric: Metric<V>, sizes: readonly number[], labels = LABELS): V {
  let first = 0;
  let sums: number[] = [];
  for (const size of sizes) {
    const batch: MetricBatch = {
      outputs: { probabilities: Float32Array.from(SCORES.slice(first, first + size).flat()) },
      targets: { labels: Int32Array.from(labels.slice(first, first + size)) },
      size,
    };
    const more = Array.from(metric.sums(batch));
    sums = more.map((value, i) => value + (sums[i] ?? 0));
    first += size;
  }
  return metric.value(sums);
}

it.each([[[5]], [[2, 2, 1]]])("metrics of classes, in batches of %o", (sizes) => {
  expect(over(accuracy(), sizes)).toBe(3 / 5);
  expect(over(topK(2), sizes)).toBe(4 / 5 + 0 / 5);
  expect(over(topK(3), sizes)).toBe(1);
  expect(over(confusionMatrix(), sizes)).toEqual([
    [1, 0, 0],
    [1, 1, 1],
    [0, 0, 1],
  ]);
  const scores = over(perClass(), sizes);
  expect(scores).toEqual([
    { precision: 1 / 2, recall: 1, f1: 2 / 3, examples: 1 },
    { precision: 1, recall: 1 / 3, f1: 1 / 2, examples: 3 },
    { precision: 1 / 2, recall: 1, f1: 2 / 3, examples: 1 },
  ]);
});

it("leave out examples with negative labels", () => {
  expect(over(accuracy(), [2, 2, 1], [0, -100, -100, 1, 2])).toBe(2 / 3);
  const none = over(confusionMatrix(), [5], [-1, -1, -1, -1, -1]);
  expect(none).toEqual([0, 0, 0].map(() => [0, 0, 0]));
  expect(scoresOf(none)[0]).toEqual({ precision: 0, recall: 0, f1: 0, examples: 0 });
});

it("say what they lack", () => {
  expect(() => over(topK(1, { output: "kind" }), [5])).toThrow(
    "topK: needs the output kind (N, K) and the target labels (N) — outputs probabilities; targets labels",
  );
  expect(() => over(accuracy(), [5], [0, 1, 2, 3, 0])).toThrow("labels must be below 3 — 3");
  expect(() => topK(0)).toThrow("k must be a positive whole number — 0");
});

it.each([[[3]], [[2, 1]]])("metrics of labels that do not exclude each other, in batches of %o", (sizes) => {
  const scores = [0.9, 0.2, 0.4, 0.6, 0.7, 0.5]; // of 3 examples, 2 labels each
  const labels = [1, 0, 0, 1, 1, 1];
  const metric = perLabel();
  let first = 0;
  const all = sizes.map((size) => {
    const [from, end] = [2 * first, 2 * (first + size)];
    const part = (values: readonly number[]) => Float32Array.from(values.slice(from, end));
    first += size;
    return Array.from(
      metric.sums({ outputs: { probabilities: part(scores) }, targets: { labels: part(labels) }, size }),
    );
  });
  const [a, b] = metric.value(all.reduce((sum, more) => sum.map((value, i) => value + more[i]!)));
  expect(a).toEqual({ precision: 1, recall: 1, f1: 1, examples: 2 });
  // Exactly the threshold is not above it.
  expect(b).toEqual({ precision: 1, recall: 1 / 2, f1: 2 / 3, examples: 2 });
  const oneEach = { outputs: { probabilities: new Float32Array(6) }, targets: { labels: new Int32Array(3) } };
  expect(() => metric.sums({ ...oneEach, size: 3 })).toThrow(
    "needs the output probabilities and the target labels, (N, K)",
  );
});

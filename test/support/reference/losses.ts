import type { NdArray } from "./ndarray.ts";

/** CrossEntropyLoss in plain f64 loops. */
export interface CrossEntropyCase {
  readonly N: number;
  readonly K: number;
  readonly labels: ArrayLike<number>;
  readonly classWeights?: ArrayLike<number>;
  readonly labelSmoothing?: number;
  readonly ignoreIndex?: number;
}

/** Options for shares of classes instead of labels. */
export type SoftCase = Omit<CrossEntropyCase, "labels" | "ignoreIndex"> & {
  readonly targets: ArrayLike<number>;
};

/** [mean, Σ weighted losses, Σ weights, correct, counted]. */
type Loss = [mean: number, sum: number, weights: number, correct: number, counted: number];

export function crossEntropy(logits: ArrayLike<number>, given: CrossEntropyCase): Loss {
  const { N, K, labels, classWeights, ignoreIndex = -100 } = given;
  let sum = 0;
  let weights = 0;
  let correct = 0;
  let counted = 0;
  for (let n = 0; n < N; n++) {
    const label = labels[n]!;
    if (label === ignoreIndex) continue;
    const z = rowOf(logits, n, K);
    sum += rowLoss(z, targetsOf(n, given)!);
    weights += classWeights?.[label] ?? 1;
    counted++;
    if (largestOf(z) === label) correct++;
  }
  return [weights === 0 ? 0 : sum / weights, sum, weights, correct, counted];
}

/** The gradient of the mean. */
export function crossEntropyGradient(logits: ArrayLike<number>, given: CrossEntropyCase): Float64Array {
  const [, , weights] = crossEntropy(logits, given);
  return gradientOf(logits, given, (n) => targetsOf(n, given), weights);
}

/** With shares of classes instead of labels; the mean is over the rows, as in CrossEntropyLoss. */
export function softCrossEntropy(logits: ArrayLike<number>, given: SoftCase): Loss {
  const { N, K, targets } = given;
  let sum = 0;
  let correct = 0;
  for (let n = 0; n < N; n++) {
    const z = rowOf(logits, n, K);
    sum += rowLoss(z, softTargetsOf(n, given));
    if (largestOf(z) === largestOf(rowOf(targets, n, K))) correct++;
  }
  return [sum / N, sum, N, correct, N];
}

/** The gradient of the mean. */
export const softCrossEntropyGradient = (logits: ArrayLike<number>, given: SoftCase): Float64Array =>
  gradientOf(logits, given, (n) => softTargetsOf(n, given), given.N);

/** Softmax of the rows of x (N, K). */
export function softmax({ shape, data }: NdArray): NdArray {
  const [N, K] = shape as [number, number];
  const rows = Array.from({ length: N }, (_, n) => logSoftmax(rowOf(data, n, K)));
  return { shape, data: Float64Array.from(rows.flat(), Math.exp) };
}

const rowOf = (values: ArrayLike<number>, n: number, K: number): number[] =>
  Array.from({ length: K }, (_, k) => values[n * K + k]!);

/** Index of the first of the largest values. */
const largestOf = (values: readonly number[]): number => values.indexOf(Math.max(...values));

/** Factors of the logarithms of a row: shares of classes, smoothed, times the class weights. */
const weighted = (
  share: (k: number) => number,
  { K, classWeights, labelSmoothing = 0 }: Omit<SoftCase, "targets">,
): number[] =>
  Array.from(
    { length: K },
    (_, k) => (classWeights?.[k] ?? 1) * ((1 - labelSmoothing) * share(k) + labelSmoothing / K),
  );

const targetsOf = (n: number, given: CrossEntropyCase): number[] | undefined =>
  given.labels[n] === (given.ignoreIndex ?? -100)
    ? undefined
    : weighted((k) => Number(k === given.labels[n]), given);

const softTargetsOf = (n: number, given: SoftCase): number[] =>
  weighted((k) => given.targets[n * given.K + k]!, given);

function rowLoss(z: readonly number[], targets: readonly number[]): number {
  const log = logSoftmax(z);
  // A class without a share has no part in the loss, even if its logit is −∞.
  return targets.reduce((sum, target, k) => (target === 0 ? sum : sum - target * log[k]!), 0);
}

/** (Σ targets · softmax − targets) / weights, for the rows that count. */
function gradientOf(
  logits: ArrayLike<number>,
  { N, K }: { readonly N: number; readonly K: number },
  targetsOf: (n: number) => readonly number[] | undefined,
  weights: number,
): Float64Array {
  const rows = Array.from({ length: N }, (_, n): number[] => {
    const targets = targetsOf(n);
    if (!targets) return new Array(K).fill(0);
    const sum = targets.reduce((a, b) => a + b, 0);
    return logSoftmax(rowOf(logits, n, K)).map((log, k) => (sum * Math.exp(log) - targets[k]!) / weights);
  });
  return Float64Array.from(rows.flat());
}

/** z − log Σ exp(z). */
function logSoftmax(z: readonly number[]): number[] {
  const largest = Math.max(...z);
  const logSum = Math.log(z.reduce((sum, v) => sum + Math.exp(v - largest), 0));
  return z.map((v) => v - largest - logSum);
}

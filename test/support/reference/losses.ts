/** What CrossEntropyLoss means, in plain f64 loops. */
export interface CrossEntropyCase {
  readonly N: number;
  readonly K: number;
  readonly labels: readonly number[];
  readonly classWeights?: readonly number[];
  readonly labelSmoothing?: number;
  readonly ignoreIndex?: number;
}

/** [mean, Σ weighted losses, Σ weights, correct, counted]. */
export function crossEntropy(
  logits: ArrayLike<number>,
  { N, K, labels, classWeights, labelSmoothing = 0, ignoreIndex = -100 }: CrossEntropyCase,
): [number, number, number, number, number] {
  let sum = 0;
  let weights = 0;
  let correct = 0;
  let counted = 0;
  for (let n = 0; n < N; n++) {
    const label = labels[n]!;
    if (label === ignoreIndex) continue;
    const z = Array.from({ length: K }, (_, k) => logits[n * K + k]!);
    const log = logSoftmax(z);
    const w = (k: number) => classWeights?.[k] ?? 1;
    for (let k = 0; k < K; k++) {
      const target = labelSmoothing / K + (k === label ? 1 - labelSmoothing : 0);
      sum -= target * w(k) * log[k]!;
    }
    weights += w(label);
    counted++;
    if (z.indexOf(Math.max(...z)) === label) correct++;
  }
  return [weights > 0 ? sum / weights : 0, sum, weights, correct, counted];
}

/** The mean over the rows for shares of classes, as CrossEntropyLoss takes them. */
export function softCrossEntropy(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  { N, K, classWeights, labelSmoothing = 0 }: Omit<CrossEntropyCase, "labels" | "ignoreIndex">,
): number {
  let sum = 0;
  for (let n = 0; n < N; n++) {
    const log = logSoftmax(Array.from({ length: K }, (_, k) => logits[n * K + k]!));
    log.forEach((value, k) => {
      const target = (1 - labelSmoothing) * targets[n * K + k]! + labelSmoothing / K;
      sum -= (classWeights?.[k] ?? 1) * target * value;
    });
  }
  return sum / N;
}

/** z − log Σ exp(z). */
export function logSoftmax(z: readonly number[]): number[] {
  const largest = Math.max(...z);
  const logSum = Math.log(z.reduce((sum, v) => sum + Math.exp(v - largest), 0));
  return z.map((v) => v - largest - logSum);
}

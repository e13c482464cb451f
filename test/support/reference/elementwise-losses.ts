/** Losses that look at one element at a time, and their derivatives, in plain f64. */

/** As `ElementwiseLossAttrs`. */
export interface LossOptions {
  readonly name: string;
  readonly delta?: number;
  readonly alpha?: number;
  readonly gamma?: number;
}

/** A loss of prediction x and target t, and its derivative by x; w is the weight of positives. */
type Losses = (
  options: LossOptions,
) => readonly [
  value: (x: number, t: number, w: number) => number,
  slope: (x: number, t: number, w: number) => number,
];

/** −log sigmoid(x). */
const softplusOfMinus = (x: number): number => Math.max(-x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const crossEntropy = (x: number, t: number, w: number): number =>
  w * t * softplusOfMinus(x) + (1 - t) * softplusOfMinus(-x);

const losses: Readonly<Record<string, Losses>> = {
  mse: () => [(x, t) => (x - t) ** 2, (x, t) => 2 * (x - t)],
  l1: () => [(x, t) => Math.abs(x - t), (x, t) => Math.sign(x - t)],
  huber: ({ delta = 1 }) => [
    (x, t) => {
      const distance = Math.abs(x - t);
      return distance <= delta ? distance ** 2 / 2 : delta * (distance - delta / 2);
    },
    (x, t) => (Math.abs(x - t) <= delta ? x - t : delta * Math.sign(x - t)),
  ],
  bce_with_logits: () => [crossEntropy, (x, t, w) => (1 - t) * sigmoid(x) - w * t * sigmoid(-x)],
  sigmoid_focal: ({ alpha = 0.25, gamma = 2 }) => {
    const balance = (t: number): number => (alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t));
    const missed = (x: number, t: number): number => sigmoid(x) * (1 - t) + sigmoid(-x) * t;
    return [
      (x, t) => balance(t) * missed(x, t) ** gamma * crossEntropy(x, t, 1),
      (x, t) => {
        const m = missed(x, t);
        const own = m ** gamma * ((1 - t) * sigmoid(x) - t * sigmoid(-x));
        const dm = (1 - 2 * t) * sigmoid(x) * sigmoid(-x);
        // Where nothing is missed, nothing rises.
        const others = gamma === 0 || m === 0 ? 0 : gamma * m ** (gamma - 1) * dm * crossEntropy(x, t, 1);
        return balance(t) * (own + others);
      },
    ];
  },
};

/** What the losses are computed from, in rows of C; weights may be one row for all. */
export interface ElementwiseCase {
  readonly prediction: Float64Array;
  readonly target: Float64Array;
  readonly weight?: Float64Array | undefined;
  readonly posWeight?: Float64Array | undefined;
}

const at = (weights: Float64Array | undefined, i: number): number => weights?.[i % weights.length] ?? 1;

/** [mean, Σ weighted losses, number of elements]. */
export function elementwiseLoss({ prediction, target, ...given }: ElementwiseCase, options: LossOptions) {
  const [value] = losses[options.name]!(options);
  const sum = prediction.reduce(
    (total, x, i) => total + at(given.weight, i) * value(x, target[i]!, at(given.posWeight, i)),
    0,
  );
  return Float64Array.of(sum / prediction.length, sum, prediction.length);
}

/** The gradient of the mean. */
export function elementwiseGradient(
  { prediction, target, ...given }: ElementwiseCase,
  options: LossOptions,
): Float64Array {
  const [, slope] = losses[options.name]!(options);
  return prediction.map(
    (x, i) => (at(given.weight, i) * slope(x, target[i]!, at(given.posWeight, i))) / prediction.length,
  );
}

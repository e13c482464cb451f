/** Training of `regression` (test/support/models/networks.ts) in f64, by hand. */
import { Random } from "../../../src/base/random.ts";

interface Data {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}
type Weights = Readonly<Record<string, Float64Array>>;

/**
 * Losses of each step of SGD with momentum, from these weights; `lossOf` and `gradientsOf` are of the weights at the end.
 * y = tanh(x W₁ + b₁) W₂ + b₂; the loss is the mean of squares.
 */
export function regressionLosses(
  initial: ReadonlyMap<string, Float32Array>,
  data: Data,
  options: {
    readonly batchSize: number;
    readonly seed: number;
    readonly epochs: number;
    readonly lr: number;
    readonly momentum: number;
  },
) {
  const weights: Weights = Object.fromEntries(
    [...initial].map(([name, values]) => [name, Float64Array.from(values)]),
  );
  const velocity = new Map<string, Float64Array>();
  const losses: number[] = [];
  const batches: number[][] = [];
  const count = data.x.length / 3;
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const order = [...new Random(options.seed, `shuffle ${epoch}`).permutation(count)];
    for (let first = 0; first < count; first += options.batchSize) {
      const batch = order.slice(first, first + options.batchSize);
      batches.push(batch);
      const { loss, gradients } = pass(weights, data, batch);
      losses.push(loss);
      for (const [name, gradient] of Object.entries(gradients)) {
        const before = velocity.get(name);
        const v = gradient.map((g, i) => (before ? options.momentum * before[i]! + g : g));
        velocity.set(name, v);
        v.forEach((step, i) => {
          weights[name]![i]! -= options.lr * step;
        });
      }
    }
  }
  const all = ({ x }: Data) => Array.from({ length: x.length / 3 }, (_, i) => i);
  return {
    ...{ losses, batches },
    lossOf: (of: Data): number => pass(weights, of, all(of)).loss,
    gradientsOf: (of: Data): Weights => pass(weights, of, all(of)).gradients,
  };
}

function pass(w: Weights, { x, y }: Data, batch: readonly number[]) {
  const gradients: Weights = Object.fromEntries(
    Object.entries(w).map(([name, values]) => [name, new Float64Array(values.length)]),
  );
  const [W1, b1, W2, b2] = ["hidden.weight", "hidden.bias", "out.weight", "out.bias"].map((name) => w[name]!);
  const add = (name: string, i: number, value: number): void => {
    gradients[name]![i]! += value;
  };
  let loss = 0;
  for (const n of batch) {
    const hidden = Array.from({ length: 5 }, (_, k) => {
      let sum = b1![k]!;
      for (let c = 0; c < 3; c++) sum += x[3 * n + c]! * W1![5 * c + k]!;
      return Math.tanh(sum);
    });
    const dHidden = new Float64Array(5);
    for (let o = 0; o < 2; o++) {
      let out = b2![o]!;
      for (let k = 0; k < 5; k++) out += hidden[k]! * W2![2 * k + o]!;
      const d = out - y[2 * n + o]!;
      loss += (d * d) / (2 * batch.length);
      const dOut = d / batch.length;
      add("out.bias", o, dOut);
      for (let k = 0; k < 5; k++) {
        add("out.weight", 2 * k + o, hidden[k]! * dOut);
        dHidden[k]! += W2![2 * k + o]! * dOut;
      }
    }
    for (let k = 0; k < 5; k++) {
      const d = dHidden[k]! * (1 - hidden[k]! ** 2);
      add("hidden.bias", k, d);
      for (let c = 0; c < 3; c++) add("hidden.weight", 5 * c + k, x[3 * n + c]! * d);
    }
  }
  return { loss, gradients };
}

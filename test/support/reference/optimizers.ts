/** The optimizers for one parameter, in plain f64 loops; state is kept between calls. */
export type Step = (p: Float64Array, g: Float64Array, lr: number) => void;

export interface SgdReference {
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
}

export function sgdReference({
  momentum = 0,
  dampening = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdReference): Step {
  let buffer: number[] | undefined;
  return (p, g, lr) => {
    const d = Array.from(g, (v, i) => v + weightDecay * p[i]!);
    buffer = buffer ? buffer.map((b, i) => momentum * b + (1 - dampening) * d[i]!) : [...d];
    for (let i = 0; i < p.length; i++) {
      p[i]! -= lr * (nesterov ? d[i]! + momentum * buffer[i]! : momentum > 0 ? buffer[i]! : d[i]!);
    }
  };
}

export interface AdamReference {
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weightDecay?: number;
  readonly decoupled: boolean;
}

export function adamReference({
  betas: [beta1, beta2] = [0.9, 0.999],
  eps = 1e-8,
  weightDecay = 0,
  decoupled,
}: AdamReference): Step {
  let t = 0;
  const means: [number, number][] = [];
  return (p, g, lr) => {
    t++;
    for (let i = 0; i < p.length; i++) {
      if (decoupled) p[i]! *= 1 - lr * weightDecay;
      const gradient = decoupled ? g[i]! : g[i]! + weightDecay * p[i]!;
      const [m, v] = means[i] ?? [0, 0];
      means[i] = [beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * gradient ** 2];
      const [first, second] = means[i]!;
      const corrected = first / (1 - beta1 ** t);
      p[i]! -= (lr * corrected) / (Math.sqrt(second / (1 - beta2 ** t)) + eps);
    }
  };
}

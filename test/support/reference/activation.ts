import type { Activation } from "../../../src/ops/elementwise/activation.ts";
import type { NdArray } from "./ndarray.ts";

/** erf within 2e-8: its Maclaurin series, or its limit where the series cancels. */
function erf(z: number): number {
  if (Math.abs(z) > 4) return Math.sign(z);
  let term = z;
  let sum = z;
  for (let n = 1; n < 120; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

export function activate(z: number, { name, alpha = 0, beta = 0 }: Activation): number {
  switch (name) {
    case "identity":
      return z;
    case "relu":
      return Math.max(z, 0);
    case "relu6":
      return Math.min(Math.max(z, 0), 6);
    case "hardtanh":
      return Math.min(Math.max(z, alpha), beta);
    case "leaky_relu":
      return z > 0 ? z : alpha * z;
    case "elu":
      return z > 0 ? z : alpha * Math.expm1(z);
    case "gelu":
      return (z / 2) * (1 + erf(z / Math.SQRT2));
    case "gelu_tanh":
      return (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));
    case "silu":
      return z / (1 + Math.exp(-z));
    case "hardswish":
      return (z * Math.min(Math.max(z + 3, 0), 6)) / 6;
    case "hardsigmoid":
      return Math.min(Math.max(z + 3, 0), 6) / 6;
    case "softplus":
      return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
    case "tanh":
      return Math.tanh(z);
    case "sigmoid":
      return 1 / (1 + Math.exp(-z));
  }
}

/** x (…, C), and weight x for negative x, where weight is (C) or (1). */
export const prelu = ({ shape, data }: NdArray, weight: NdArray): NdArray => ({
  shape,
  data: data.map((v, i) => (v > 0 ? v : weight.data[i % weight.data.length]! * v)),
});

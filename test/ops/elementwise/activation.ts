import type { Random } from "../../../src/base/random.ts";
import { type Activation, activationOp } from "../../../src/ops/elementwise/activation.ts";
import { bytes, declare } from "../../support/op/declaration.ts";
import { activate } from "../../support/reference/activation.ts";

const ACTIVATIONS: readonly Activation[] = [
  { name: "identity" },
  { name: "relu" },
  { name: "leaky_relu", alpha: 0.01 },
  { name: "leaky_relu", alpha: 0.3 },
  { name: "elu", alpha: 1 },
  { name: "elu", alpha: 0.5 },
  { name: "gelu" },
  { name: "gelu_tanh" },
  { name: "silu" },
  { name: "tanh" },
  { name: "sigmoid" },
  { name: "hardswish" },
  { name: "relu6" },
  { name: "hardsigmoid" },
  { name: "softplus" },
  { name: "hardtanh", alpha: -0.7, beta: 2.3 },
];

/** Both signs up to 3.5, away from the kink at 0. */
const awayFromZero = (random: Random, i: number) => (i % 2 ? -1 : 1) * (0.01 + 3.5 * random.uniform());
export const activation = declare({
  op: activationOp,
  reference: ({ x }, attrs) => ({ y: { shape: x!.shape, data: x!.data.map((v) => activate(v, attrs)) } }),
  cases: [
    ...ACTIVATIONS.map((attrs) => ({
      name: attrs.alpha === undefined ? attrs.name : `${attrs.name}, alpha ${attrs.alpha}`,
      inputs: { x: [3, 5, 7, 6] },
      attrs,
      values: { x: awayFromZero },
      ...(attrs.name === "gelu" && { half: true as const }),
    })),
    // A naive exp would overflow.
    ...(["silu", "tanh", "sigmoid", "gelu", "gelu_tanh", "relu6", "hardsigmoid", "softplus"] as const).map(
      (name) => ({
        name: `${name}, large`,
        inputs: { x: [1, 5] },
        attrs: { name },
        values: { x: (_: Random, i: number) => [-3000, -100, 0.5, 100, 3000][i]! },
      }),
    ),
    { name: "one element", inputs: { x: [1, 1] }, attrs: { name: "sigmoid" } },
  ],
  tolerance: () => 2e-6,
  half: { activations: ["x"] },
  work: ({ inputs: { x }, outputs: { y } }, pass) => ({
    bytes: pass === "forward" ? bytes(x, y) : bytes(x, x, y),
  }),
});

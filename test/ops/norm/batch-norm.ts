import type { Random } from "../../../src/base/random.ts";
import type { Activation } from "../../../src/ops/elementwise/activation.ts";
import { type BatchNorm, batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { bytes, CPU, declare, type OpCase, PLAIN } from "../../support/op/declaration.ts";
import { batchNorm as batchNormReference } from "../../support/reference/batch-norm.ts";
import { size } from "../../support/reference/ndarray.ts";

const IDENTITY: Activation = { name: "identity" };
const RELU: Activation = { name: "relu" };

/** On a CPU parts are longer, and merges have no barriers. */
const BOTH = { ...PLAIN, "as for a CPU": CPU };

const positive = (random: Random) => 0.5 + random.uniform();
const spread = (mean: number, deviation: number) => (random: Random) => mean + deviation * random.normal();

function attrs(mode: BatchNorm["mode"], activation = IDENTITY, momentum = 0.1): BatchNorm {
  return { mode, eps: 1e-5, momentum, activation };
}

function given(
  name: string,
  shape: readonly number[],
  batchNorm: BatchNorm,
  more: Partial<OpCase<BatchNorm>> & { residual?: boolean } = {},
): OpCase<BatchNorm> {
  const C = [shape.at(-1)!];
  const { residual = false, values, ...rest } = more;
  return {
    name,
    inputs: {
      x: shape,
      weight: C,
      bias: C,
      runningMean: C,
      runningVar: C,
      ...(residual && { residual: shape }),
    },
    attrs: batchNorm,
    values: { weight: positive, runningVar: positive, x: spread(0.3, 2), ...values },
    grads: residual ? ["x", "weight", "bias", "residual"] : ["x", "weight", "bias"],
    ...rest,
  };
}

const LARGE_MEAN = "mean 1000, deviation 0.1";

export const batchNorm = declare({
  op: batchNormOp,
  reference: batchNormReference,
  cases: [
    given("train", [2, 5, 7, 6], attrs("train"), { devices: BOTH, half: true }),
    given("train, one image and one channel", [1, 11, 13, 1], attrs("train")),
    // The gradient of x would be zero: two values normalise to −1 and 1 whatever they are.
    given("train, two rows", [2, 3], attrs("train"), { grads: ["weight", "bias"] }),
    given("train, three rows", [3, 3], attrs("train")),
    given("train, rank 2, momentum 1", [37, 10], attrs("train", IDENTITY, 1)),
    given("train, many rows", [3, 61, 67, 5], attrs("train", RELU), { devices: BOTH }),
    given("train, 2048 channels", [3, 2, 2, 2048], attrs("train", RELU), { devices: BOTH }),
    given("train, relu", [2, 7, 5, 8], attrs("train", RELU)),
    given("train, sigmoid", [2, 7, 5, 7], attrs("train", { name: "sigmoid" })),
    given("train, residual", [2, 7, 5, 7], attrs("train"), { residual: true }),
    given("train, residual, relu", [2, 7, 5, 7], attrs("train", RELU), {
      ...{ residual: true, devices: BOTH, half: true },
    }),
    given("train, residual, leaky relu", [3, 4, 3, 3], attrs("train", { name: "leaky_relu", alpha: 0.1 }), {
      ...{ residual: true, devices: BOTH },
    }),
    given(LARGE_MEAN, [4, 23, 19, 6], attrs("train"), { values: { x: spread(1000, 0.1) }, devices: BOTH }),
    given("eval", [2, 5, 3, 6], attrs("eval", RELU)),
    given("frozen", [1, 5, 3, 6], attrs("frozen", RELU)),
    given("frozen, one pixel", [1, 1, 1, 5], attrs("frozen")),
    given("frozen, silu", [2, 5, 3, 6], attrs("frozen", { name: "silu" })),
    given("frozen, residual, tanh", [2, 5, 3, 6], attrs("frozen", { name: "tanh" }), {
      ...{ residual: true, devices: BOTH },
    }),
    given("train, residual, sigmoid", [3, 5, 3, 9], attrs("train", { name: "sigmoid" }), { residual: true }),
    ...["x", "weight", "bias", "residual"].flatMap((wanted) =>
      (["train", "frozen"] as const).map((mode) =>
        given(`${mode}, only ${wanted} wants a gradient`, [2, 3, 5, 6], attrs(mode, RELU), {
          residual: true,
          grads: [wanted],
        }),
      ),
    ),
    // Enough rows and channels that parts for many threads differ from those for few, and several lanes merge them.
    given("train, wide", [3, 10, 10, 509], attrs("train", { name: "sigmoid" }), {
      ...{ devices: {}, variants: () => true, grads: ["x", "weight"] },
    }),
    given("frozen, residual, wide", [3, 10, 10, 509], attrs("frozen", { name: "sigmoid" }), {
      ...{ devices: {}, variants: () => true, residual: true, grads: ["x", "weight", "residual"] },
    }),
    given("only the residual of a linear layer wants a gradient", [2, 3, 5, 6], attrs("train"), {
      residual: true,
      grads: ["residual"],
    }),
  ],
  // Values near 1000 and their mean are known to 3e-5, which is 3e-4 of a deviation of 0.1.
  tolerance: ({ name, inputs }) =>
    name === LARGE_MEAN ? 1e-3 : 2e-6 * Math.sqrt(size(inputs.x as readonly number[])),
  half: { activations: ["x", "residual"] },
  work({ inputs: { x, residual }, attrs, outputs: { y } }, pass) {
    if (pass === "forward") return { bytes: bytes(x, x, y, residual) };
    // Once for the sums and once for dx. With a residual the first reads y, since x is not enough, and writes dz.
    const mask = residual && attrs.activation ? y : undefined;
    return { bytes: bytes(x, y) * 2 + bytes(x, mask, mask) };
  },
  text: ({ inputs: { x, residual }, attrs: { activation } }) =>
    `${x.shape.join("×")}${residual ? " + residual" : ""}${activation ? `, ${activation.name}` : ""}`,
});

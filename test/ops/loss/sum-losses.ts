import { sumLossesOp } from "../../../src/ops/loss/sum-losses.ts";
import { bytes, declare } from "../../support/op/declaration.ts";
import type { NdArray } from "../../support/reference/ndarray.ts";

/** The gradient of a loss is that of its first number. */
const first = ({ shape }: NdArray, value: number): NdArray => ({
  shape,
  data: Float64Array.from({ length: shape[0]! }, (_, i) => (i === 0 ? value : 0)),
});

export const sumLosses = declare({
  op: sumLossesOp,
  reference: (inputs, { weights }) => ({
    loss: {
      shape: [1],
      data: Float64Array.of(weights.reduce((sum, weight, i) => sum + weight * inputs[`x${i}`]!.data[0]!, 0)),
    },
  }),
  gradients: (inputs, { weights }, dy) =>
    Object.fromEntries(weights.map((weight, i) => [`x${i}`, first(inputs[`x${i}`]!, weight * dy.data[0]!)])),
  cases: [
    { inputs: { x0: [5], x1: [3] }, attrs: { weights: [1, 0.25] } },
    { inputs: { x0: [3], x1: [1], x2: [5], x3: [1] }, attrs: { weights: [2, -1, 0.1, 0.5] } },
  ],
  tolerance: () => 1e-6,
  half: { never: "losses are f32" },
  // The gradients are constants.
  work: ({ inputs, outputs: { loss } }, pass) => ({
    bytes: pass === "forward" ? bytes(...Object.values(inputs), loss) : 0,
  }),
  text: ({ attrs: { weights } }) => `${weights.length} losses`,
});

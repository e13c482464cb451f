import { type DenseAttrs, denseOp } from "../../../src/ops/conv/dense.ts";
import { declare, type OpCase, WITH_AND_WITHOUT_SUBGROUPS } from "../../support/op/declaration.ts";
import { dense as denseReference, fusedActivation } from "../../support/reference/conv.ts";
import { PASSES, products, withoutEpilogue } from "./products.ts";

/** x (N, C) × weight (C, K), with a bias or without. */
function given(N: number, C: number, K: number, biased: boolean, attrs: DenseAttrs = {}): OpCase<DenseAttrs> {
  const name = `(${N}, ${C}) × (${C}, ${K})${biased ? " + bias" : ""} ${attrs.activation?.name ?? ""}`;
  return { name, inputs: { x: [N, C], weight: [C, K], ...(biased && { bias: [K] }) }, attrs };
}
export const dense = declare({
  op: denseOp,
  reference: ({ x, weight, bias }, { activation }) => ({
    y: fusedActivation(denseReference(x!, weight!, bias), activation?.name, activation?.alpha),
  }),
  devices: WITH_AND_WITHOUT_SUBGROUPS,
  cases: [
    given(1, 1, 1, true),
    given(2, 3, 5, false),
    given(7, 13, 11, true),
    given(1, 64, 17, true),
    given(33, 4, 3, false),
    // Deep products are split, so bias and activation come with the second pass.
    given(5, 1201, 10, true),
    given(3, 1030, 7, true, { activation: { name: "sigmoid" } }),
    given(32, 6272, 10, true),
    // Enough rows and columns for the large tile.
    given(256, 12, 260, true),
    // The same for kernels that share by quads, with an extra row tile and column; deep and shallow.
    given(309, 67, 83, true),
    given(201, 9, 85, true),
    // Every kernel, as a dense layer: a table's entries for convolutions do not apply to it.
    { ...given(33, 301, 37, true), devices: {}, variants: (name) => !name.endsWith("_splits") },
    { ...given(5, 37, 6, true, { activation: { name: "relu" } }), half: true },
    ...(["relu", "leaky_relu", "tanh", "sigmoid"] as const).map((name) =>
      given(3, 6, 5, true, { activation: { name, alpha: 0.2 } }),
    ),
  ],
  tolerance: ({ inputs }) => 1e-6 * Math.sqrt(Math.max(...(inputs.x as readonly number[])) + 16),
  half: { activations: ["x"] },
  passes: PASSES,
  work: products,
  timed: withoutEpilogue,
  text: ({ inputs: { x, weight } }) => `${x.shape.join("×")} → ${weight.shape[1]}`,
});

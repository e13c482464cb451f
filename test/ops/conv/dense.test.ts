import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { type DenseAttrs, denseOp } from "../../../src/ops/conv/dense.ts";
import { withAndWithoutSubgroups } from "../../support/gpu.ts";
import { defineOpTest, type OpCase } from "../../support/optest.ts";
import { dense, fusedActivation } from "../../support/reference/conv.ts";

/** x (N, C) × weight (C, K), with a bias or without. */
function given(N: number, C: number, K: number, biased: boolean, attrs: DenseAttrs = {}): OpCase<DenseAttrs> {
  const name = `(${N}, ${C}) × (${C}, ${K})${biased ? " + bias" : ""} ${attrs.activation?.name ?? ""}`;
  return { name, inputs: { x: [N, C], weight: [C, K], ...(biased && { bias: [K] }) }, attrs };
}

defineOpTest({
  op: denseOp,
  devices: await withAndWithoutSubgroups(),
  reference: ({ x, weight, bias }, { activation }) => ({
    y: fusedActivation(dense(x!, weight!, bias), activation?.name, activation?.alpha),
  }),
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
    // The same for kernels that share by quads, with a row tile and a column over; deep and shallow.
    given(309, 67, 83, true),
    given(201, 9, 85, true),
    ...(["relu", "leaky_relu", "tanh", "sigmoid"] as const).map((name) =>
      given(3, 6, 5, true, { activation: { name, alpha: 0.2 } }),
    ),
  ],
  tolerance: ({ inputs }) => 1e-6 * Math.sqrt(Math.max(...(inputs.x as readonly number[])) + 16),
});

describe("dense: refuses", () => {
  const refuse = (x: readonly number[], weight: readonly number[], bias?: readonly number[]) => {
    const graph = new Graph({ mode: "train" });
    const inputs = {
      x: graph.input("x", x),
      weight: graph.input("w", weight),
      bias: bias && graph.input("b", bias),
    };
    return expect(() => graph.apply(denseOp, "dense", inputs, {}));
  };

  it("shapes that do not fit", () => {
    refuse([2, 3], [4, 5]).toThrow("dense: weight expects C=4, got 3 — x (2, 3), w (4, 5)");
    refuse([2, 3], [3, 5], [4]).toThrow("dense: expects a bias of (5) — x (2, 3), w (3, 5), b (4)");
    refuse([2, 3, 4], [4, 5]).toThrow("dense: expects an (N, C) tensor");
    refuse([2, 3], [1, 3, 5]).toThrow("dense: expects a (C, K) weight");
  });
});

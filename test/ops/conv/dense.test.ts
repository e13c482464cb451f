import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { denseOp } from "../../../src/ops/conv/dense.ts";
import { testOp } from "../../support/op/op-test.ts";
import { dense } from "./dense.ts";

testOp(dense);

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

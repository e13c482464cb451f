import { expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { toPaddedOp } from "../../../src/ops/layout/padded.ts";
import { testOp } from "../../support/op/op-test.ts";
import { toPadded } from "./to-padded.ts";

testOp(toPadded);

it("to_padded says how many numbers it expects", () => {
  const graph = new Graph({ mode: "eval" });
  const x = graph.input("x", [100]);
  expect(() => graph.apply(toPaddedOp, "y", { x }, { from: "nchw", shape: [2, 5, 5, 3] })).toThrow(
    "to_padded: (2, 5, 5, 3) expects (150) numbers — x (100)",
  );
});

import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { groupNorm as layer } from "../../../src/layers/index.ts";
import { groupNormOp } from "../../../src/ops/norm/group-norm.ts";
import { testOp } from "../../support/op/op-test.ts";
import { groupNorm, layerNorm } from "./group-norm.ts";

testOp(groupNorm);
testOp(layerNorm);

test("group_norm refuses what does not fit, with the values", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 3, 5, 6]);
  expect(() => layer(x, "a", { numGroups: 4 })).toThrow(
    /^group_norm: C=6 must be divisible by groups — groups 4, x/,
  );
  expect(() => layer(x, "b", { numGroups: 2, eps: 0 })).toThrow(/eps must be positive — 0/);
  const [weight, bias] = [graph.input("w", [3]), graph.input("bias", [6])];
  expect(() => graph.apply(groupNormOp, "y", { x, weight, bias }, { groups: 2, eps: 1 })).toThrow(
    /^group_norm: expects a weight and a bias of \(6\) — .*w \(3\)/,
  );
});

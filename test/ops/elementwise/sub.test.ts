import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { subOp } from "../../../src/ops/elementwise/sub.ts";
import { testOp } from "../../support/op/op-test.ts";
import { sub } from "./sub.ts";

testOp(sub);

test("sub refuses other shapes, with the values", () => {
  const graph = new Graph({ mode: "train" });
  const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [1, 3])];
  expect(() => graph.apply(subOp, "y", { a, b }, {})).toThrow(/^sub: .* — a \(2, 3\), b \(1, 3\)/);
});

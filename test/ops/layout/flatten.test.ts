import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { flattenOp } from "../../../src/ops/layout/flatten.ts";
import { lower } from "../../../src/ops/lower.ts";
import { testOp } from "../../support/op/op-test.ts";
import { flatten } from "./flatten.ts";

testOp(flatten);

test("flatten of whole vec4s is a view: no kernel runs, forward or backward", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 3, 3, 8], "f32", true);
  const { y } = graph.apply(flattenOp, "y", { x }, {});
  const program = lower(graph, [[y, graph.input("dy", [2, 72])]]);
  expect(program.dispatches).toEqual([]);
  expect(y.storage).toBe(x.storage);
  expect(program.gradients.get(x)!.shape).toEqual([2, 3, 3, 8]);
});

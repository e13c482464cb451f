import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import { flattenOp } from "../../../src/ops/layout/flatten.ts";
import { defineOpTest } from "../../support/optest.ts";

defineOpTest({
  op: flattenOp,
  reference: ({ x }) => ({ y: { shape: [x!.shape[0]!, x!.data.length / x!.shape[0]!], data: x!.data } }),
  cases: [
    [2, 3, 5, 8],
    [3, 1, 1, 6],
    [2, 3, 5, 7],
    [1, 7, 3, 1],
    [3, 2, 2, 2],
    [1, 1, 2, 3],
    [5, 3, 3, 65],
  ].map((shape) => ({ inputs: { x: shape }, attrs: {} })),
  tolerance: () => 1e-7,
});

test("flatten of whole vec4s is a view: no kernel runs, forward or backward", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 3, 3, 8], "f32", true);
  const { y } = graph.apply(flattenOp, "y", { x }, {});
  const program = lower(graph, [[y, graph.input("dy", [2, 72])]]);
  expect(program.dispatches).toEqual([]);
  expect(y.storage).toBe(x.storage);
  expect(program.gradients.get(x)!.shape).toEqual([2, 3, 3, 8]);
});

import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { concatOp } from "../../../src/ops/layout/concat.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { concat } from "./concat.ts";

testOp(concat);

test("concat of a tensor with itself adds the gradients of both halves", async () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [1, 3], "f32", true);
  const { y } = graph.apply(concatOp, "y", { x0: x, x1: x }, {});
  const seed = graph.input("dy", [1, 6]);
  const feeds = { x: Float32Array.of(1, 2, 3, 0), dy: Float32Array.of(1, 2, 3, 10, 20, 30, 0, 0) };
  const [outputs] = await runProgram(graph, [[y, seed]], feeds, (program) => {
    graph.output("y", y);
    graph.output("dx", program.gradients.get(x)!);
  });
  expect([...outputs!.y!]).toEqual([1, 2, 3, 1, 2, 3]);
  expect([...outputs!.dx!]).toEqual([11, 22, 33]);
});

test("concat keeps what is not finite within its channel", async () => {
  const graph = new Graph({ mode: "train" });
  const [x0, x1] = [graph.input("x0", [1, 1], "f32", true), graph.input("x1", [1, 1], "f32", true)];
  const { y } = graph.apply(concatOp, "y", { x0, x1 }, {});
  const feeds = {
    x0: Float32Array.of(1, 0, 0, 0),
    x1: Float32Array.of(Number.NaN, 0, 0, 0),
    dy: Float32Array.of(1, Number.NaN, 0, 0),
  };
  const [outputs] = await runProgram(graph, [[y, graph.input("dy", [1, 2])]], feeds, (program) => {
    graph.output("y", { ...y, shape: [1, 4] });
    graph.output("dx0", { ...program.gradients.get(x0)!, shape: [1, 4] });
  });
  expect([...outputs!.y!]).toEqual([1, Number.NaN, 0, 0]);
  expect([...outputs!.dx0!]).toEqual([1, 0, 0, 0]);
});

test("concat refuses branches that differ in more than their channels", () => {
  const graph = new Graph({ mode: "train" });
  const [x0, x1] = [graph.input("a", [2, 3, 3, 4]), graph.input("b", [2, 3, 4, 4])];
  expect(() => graph.apply(concatOp, "y", { x0, x1 }, {})).toThrow(
    /concat: .* a \(2, 3, 3, 4\), b \(2, 3, 4, 4\)/,
  );
});

import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { type Add, addOp } from "../../../src/ops/elementwise/add.ts";
import { averageOp } from "../../../src/ops/elementwise/average.ts";
import { lower } from "../../../src/ops/lower.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { add } from "./add.ts";

const IDENTITY: Add = { activation: { name: "identity" } };
const TANH: Add = { activation: { name: "tanh" } };

testOp(add);

/** The gradient of x in `build(x)`, x = (1, 2, 3, 4) and dy = 1. */
async function gradientOfOne(
  build: (graph: Graph, x: ReturnType<Graph["input"]>) => ReturnType<Graph["input"]>,
) {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [1, 4], "f32", true);
  const y = build(graph, x);
  const seed = graph.input("dy", y.shape);
  const feeds = { x: Float32Array.of(1, 2, 3, 4), dy: Float32Array.of(1, 1, 1, 1) };
  const [outputs] = await runProgram(graph, [[y, seed]], feeds, (program) => {
    graph.output("dx", program.gradients.get(x)!);
  });
  return [...outputs!.dx!];
}

test("a tensor added to itself, or averaged with itself, gets its gradient twice", async () => {
  const relu: Add = { activation: { name: "relu" } };
  for (const attrs of [IDENTITY, relu]) {
    expect(await gradientOfOne((graph, x) => graph.apply(addOp, "y", { a: x, b: x }, attrs).y)).toEqual([
      2, 2, 2, 2,
    ]);
  }
  const thrice = await gradientOfOne((graph, x) => {
    const { y } = graph.apply(addOp, "z", { a: x, b: x }, relu);
    return graph.apply(averageOp, "y", { x0: x, x1: x, x2: y, x3: y }, {}).y;
  });
  expect(thrice).toEqual([1.5, 1.5, 1.5, 1.5]);
});

test("two branches share the memory of their gradient", () => {
  const graph = new Graph({ mode: "train" });
  const branch = (name: string) => graph.input(name, [2, 4], "f32", true);
  const [a, b] = [branch("a"), branch("b")];
  const { y } = graph.apply(addOp, "y", { a, b }, TANH);
  const program = lower(graph, [[y, graph.input("dy", [2, 4])]]);
  expect(program.dispatches.map(({ kernel }) => kernel.name)).toEqual([
    "add_forward",
    "activation_output_backward",
  ]);
  expect(program.gradients.get(a)!.storage).toBe(program.gradients.get(b)!.storage);
});

test("branches of different shapes are refused, with the shapes", () => {
  const graph = new Graph({ mode: "train" });
  const [a, b] = [graph.input("a", [2, 3, 4]), graph.input("b", [2, 3, 5])];
  expect(() => graph.apply(addOp, "y", { a, b }, IDENTITY)).toThrow(/add: .* a \(2, 3, 4\), b \(2, 3, 5\)/);
  expect(() => graph.apply(averageOp, "y", { x0: a, x1: b }, {})).toThrow(/average: .*\(2, 3, 5\)/);
});

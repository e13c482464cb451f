import { expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { mseLoss, sumLosses } from "../../../src/layers/index.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { sumLosses as declaration } from "./sum-losses.ts";

testOp(declaration);

it("losses in a sum, and in a sum of sums, pass on gradients of their weights", async () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 3], "f32", true);
  const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [2, 3])];
  const inner = sumLosses([mseLoss(x, a), mseLoss(x, b)], [0.5, -2]);
  const loss = sumLosses([inner, mseLoss(x, b)], [3, 1]);
  const values = {
    x: [1, -2, 3, 0, 0.5, 7],
    a: [0, 1, 2, 3, 4, 5],
    b: [-1, 1, -1, 1, -1, 1],
  };
  const pad = (v: readonly number[]) => Float32Array.of(...v.slice(0, 3), 0, ...v.slice(3), 0);
  const feeds = { x: pad(values.x), a: pad(values.a), b: pad(values.b) };
  const [outputs] = await runProgram(graph, [[loss, null]], feeds, (program) => {
    graph.output("loss", loss);
    graph.output("dx", program.gradients.get(x)!);
  });
  const mean = (v: readonly number[]) => v.reduce((sum, d) => sum + d * d, 0) / 6;
  const to = (target: readonly number[]) => values.x.map((v, i) => v - target[i]!);
  expect(outputs!.loss![0]).toBeCloseTo(1.5 * mean(to(values.a)) - 5 * mean(to(values.b)), 4);
  values.x.forEach((_, i) => {
    expect(outputs!.dx![i]).toBeCloseTo((1.5 * 2 * to(values.a)[i]! - 5 * 2 * to(values.b)[i]!) / 6, 5);
  });
});

it("sum_losses says what does not fit", () => {
  const graph = new Graph({ mode: "train" });
  const [a, b] = [graph.input("a", [3]), graph.input("b", [5])];
  expect(() => sumLosses([a])).toThrow("sumLosses: takes two to six tensors — a (3)");
  expect(() => sumLosses([a, b], [1])).toThrow("needs a finite weight for each of 2 losses — [1]");
  expect(() => sumLosses([a, graph.input("x", [2, 3])])).toThrow(
    "sum_losses: takes losses, which are f32 (k)",
  );
});

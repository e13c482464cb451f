import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { lower } from "../../../src/ops/lower.ts";
import { type BatchNorm, batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { batchNorm } from "./batch-norm.ts";

const attrs = (mode: BatchNorm["mode"], momentum = 0.1): BatchNorm => ({ mode, eps: 1e-5, momentum });

testOp(batchNorm);

test("the running statistics of two layers in one arena move step by step, and the second time further", async () => {
  const graph = new Graph({ mode: "train" });
  const fill = (value: number) => () => new Float32Array(3).fill(value);
  const layer = (name: string, x: Tensor) => {
    const runningMean = graph.state(`${name}.mean`, [3], fill(1));
    const runningVar = graph.state(`${name}.variance`, [3], fill(1));
    const weight = graph.parameter(`${name}.weight`, [3], fill(2), false);
    const bias = graph.parameter(`${name}.bias`, [3], fill(0.5), false);
    graph.output(`${name}.mean`, runningMean);
    graph.output(`${name}.variance`, runningVar);
    const inputs = { x, weight, bias, runningMean, runningVar };
    return { ...graph.apply(batchNormOp, name, inputs, attrs("train", 0.25)), weight, bias };
  };
  const first = layer("first", graph.input("x", [4, 3]));
  const second = layer("second", first.y);
  const seed = graph.input("dy", [4, 3]);
  // Mean 2, biased variance 5, unbiased 20/3; the second layer sees mean 0.5 and biased variance 4.
  const feeds = {
    x: Float32Array.of(-1, -1, -1, 0, 1, 1, 1, 0, 3, 3, 3, 0, 5, 5, 5, 0),
    dy: Float32Array.of(1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0),
  };
  const steps = await runProgram(
    graph,
    [[second.y, seed]],
    feeds,
    (program) => graph.output("dbias", program.gradients.get(second.bias)!),
    [{}, {}],
  );
  const after = (n: number, batch: number) => 0.75 ** n + (1 - 0.75 ** n) * batch;
  steps.forEach((outputs, i) => {
    const vector = (v: number) => [v, v, v].map((lane) => expect.closeTo(lane, 4));
    expect([...outputs["first.mean"]!]).toEqual(vector(after(i + 1, 2)));
    expect([...outputs["first.variance"]!]).toEqual(vector(after(i + 1, 20 / 3)));
    expect([...outputs["second.mean"]!]).toEqual(vector(after(i + 1, 0.5)));
    expect([...outputs["second.variance"]!]).toEqual(vector(after(i + 1, 16 / 3)));
    expect([...outputs.dbias!]).toEqual([4, 8, 12]);
  });
});

test("batch_norm refuses inputs that do not fit, with the values", () => {
  const graph = new Graph({ mode: "train" });
  const tensors = (x: readonly number[], C: number, residual?: readonly number[]) => {
    const name = (n: string) => `${n}${graph.inputs.size}`;
    return {
      x: graph.input(name("x"), x),
      weight: graph.input(name("weight"), [C]),
      bias: graph.input(name("bias"), [C]),
      runningMean: graph.input(name("mean"), [C]),
      runningVar: graph.input(name("variance"), [C]),
      residual: residual && graph.input(name("residual"), residual),
    };
  };
  const apply =
    (inputs: ReturnType<typeof tensors>, mode: BatchNorm["mode"] = "train") =>
    () =>
      graph.apply(batchNormOp, "bn", inputs, attrs(mode));
  expect(apply(tensors([1, 1, 1, 4], 4))).toThrow(/one pixel.*\(1, 1, 1, 4\)/);
  expect(apply(tensors([1, 1, 1, 4], 4), "eval")).not.toThrow();
  expect(apply(tensors([2, 3, 3, 4], 5))).toThrow("weight expects (4), got (5)");
  expect(apply(tensors([2, 3, 3, 4], 4, [2, 3, 3, 5]))).toThrow(/residual.*\(2, 3, 3, 4\).*\(2, 3, 3, 5\)/);
  expect(apply(tensors([4], 4))).toThrow(/rank 2/);
});

test("batch_norm with everything frozen but x sums nothing in its backward pass", () => {
  const graph = new Graph({ mode: "train" });
  const vector = (name: string) => graph.input(name, [4]);
  const { y } = graph.apply(
    batchNormOp,
    "bn",
    {
      x: graph.input("x", [2, 3, 3, 4], "f32", true),
      weight: vector("weight"),
      bias: vector("bias"),
      runningMean: vector("mean"),
      runningVar: vector("variance"),
    },
    attrs("frozen"),
  );
  const program = lower(graph, [[y, graph.input("dy", [2, 3, 3, 4])]]);
  expect(program.dispatches.map(({ kernel }) => kernel.name)).toEqual([
    "batch_norm_forward",
    "batch_norm_backward_merge",
    "batch_norm_backward",
  ]);
});

import { expect, test } from "vitest";
import type { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import type { Activation } from "../../../src/ops/elementwise/activation.ts";
import { type BatchNorm, batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { size } from "../../support/ndarray.ts";
import { defineOpTest, type OpCase } from "../../support/optest.ts";
import { batchNorm } from "../../support/reference/batch-norm.ts";
import { runProgram } from "../../support/run-op.ts";

const IDENTITY: Activation = { name: "identity" };
const RELU: Activation = { name: "relu" };

const positive = (random: Random) => 0.5 + random.uniform();
const spread = (mean: number, deviation: number) => (random: Random) => mean + deviation * random.normal();

function attrs(mode: BatchNorm["mode"], activation = IDENTITY, momentum = 0.1): BatchNorm {
  return { mode, eps: 1e-5, momentum, activation };
}

function given(
  name: string,
  shape: readonly number[],
  batchNorm: BatchNorm,
  more: Partial<OpCase<BatchNorm>> & { residual?: boolean } = {},
): OpCase<BatchNorm> {
  const C = [shape.at(-1)!];
  const { residual = false, values, ...rest } = more;
  return {
    name,
    inputs: {
      x: shape,
      weight: C,
      bias: C,
      runningMean: C,
      runningVar: C,
      ...(residual && { residual: shape }),
    },
    attrs: batchNorm,
    values: { weight: positive, runningVar: positive, x: spread(0.3, 2), ...values },
    grads: residual ? ["x", "weight", "bias", "residual"] : ["x", "weight", "bias"],
    ...rest,
  };
}

const LARGE_MEAN = "mean 1000, deviation 0.1";

// Values near 1000 and their mean are known to 3e-5, which is 3e-4 of a deviation of 0.1.
const tolerance = ({ name, inputs }: OpCase<BatchNorm>) =>
  name === LARGE_MEAN ? 1e-3 : 2e-6 * Math.sqrt(size(inputs.x as readonly number[]));

defineOpTest({
  op: batchNormOp,
  reference: batchNorm,
  cases: [
    given("train", [2, 5, 7, 6], attrs("train")),
    given("train, one image and one channel", [1, 11, 13, 1], attrs("train")),
    // The gradient of x would be zero: two values normalise to −1 and 1 whatever they are.
    given("train, two rows", [2, 3], attrs("train"), { grads: ["weight", "bias"] }),
    given("train, three rows", [3, 3], attrs("train")),
    given("train, rank 2, momentum 1", [37, 10], attrs("train", IDENTITY, 1)),
    given("train, many rows", [3, 61, 67, 5], attrs("train", RELU)),
    given("train, 2048 channels", [3, 2, 2, 2048], attrs("train", RELU)),
    given("train, relu", [2, 7, 5, 8], attrs("train", RELU)),
    given("train, sigmoid", [2, 7, 5, 7], attrs("train", { name: "sigmoid" })),
    given("train, residual", [2, 7, 5, 7], attrs("train"), { residual: true }),
    given("train, residual, relu", [2, 7, 5, 7], attrs("train", RELU), { residual: true }),
    given("train, residual, leaky relu", [3, 4, 3, 3], attrs("train", { name: "leaky_relu", alpha: 0.1 }), {
      residual: true,
    }),
    given(LARGE_MEAN, [4, 23, 19, 6], attrs("train"), { values: { x: spread(1000, 0.1) } }),
    given("eval", [2, 5, 3, 6], attrs("eval", RELU)),
    given("frozen", [1, 5, 3, 6], attrs("frozen", RELU)),
    given("frozen, one pixel", [1, 1, 1, 5], attrs("frozen")),
    given("frozen, silu", [2, 5, 3, 6], attrs("frozen", { name: "silu" })),
    given("frozen, residual, tanh", [2, 5, 3, 6], attrs("frozen", { name: "tanh" }), { residual: true }),
    given("train, residual, sigmoid", [3, 5, 3, 9], attrs("train", { name: "sigmoid" }), { residual: true }),
    ...["x", "weight", "bias", "residual"].flatMap((wanted) =>
      (["train", "frozen"] as const).map((mode) =>
        given(`${mode}, only ${wanted} wants a gradient`, [2, 3, 5, 6], attrs(mode, RELU), {
          residual: true,
          grads: [wanted],
        }),
      ),
    ),
    given("only the residual of a linear layer wants a gradient", [2, 3, 5, 6], attrs("train"), {
      residual: true,
      grads: ["residual"],
    }),
  ],
  tolerance,
});

// Longer parts, and merges without barriers.
defineOpTest({
  op: batchNormOp,
  devices: { "as for a CPU": { features: [], software: true } },
  reference: batchNorm,
  cases: [
    given("train, many rows", [3, 61, 67, 5], attrs("train", RELU)),
    given("train, 2048 channels", [3, 2, 2, 2048], attrs("train", RELU)),
    given("train, residual, leaky relu", [3, 4, 3, 3], attrs("train", { name: "leaky_relu", alpha: 0.1 }), {
      residual: true,
    }),
    given(LARGE_MEAN, [4, 23, 19, 6], attrs("train"), { values: { x: spread(1000, 0.1) } }),
    given("frozen, residual, tanh", [2, 5, 3, 6], attrs("frozen", { name: "tanh" }), { residual: true }),
  ],
  tolerance,
});

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
    return { ...graph.apply(batchNormOp, name, inputs, attrs("train", IDENTITY, 0.25)), weight, bias };
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

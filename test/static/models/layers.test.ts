import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { isNode } from "../../../src/graph/op.ts";
import {
  add,
  average,
  avgPool2d,
  batchNorm,
  concat,
  conv2d,
  dense,
  dropout,
  elu,
  flatten,
  gelu,
  globalAvgPool,
  heNormal,
  heUniform,
  leakyRelu,
  maxPool2d,
  relu,
  softmax,
  torchBias,
  torchWeight,
  xavierNormal,
  xavierUniform,
} from "../../../src/layers/index.ts";
import { batchNormOp } from "../../../src/ops/norm/batch-norm.ts";

function image(shape: readonly number[], mode: "train" | "eval" = "train", frozen = "") {
  const graph = new Graph({ mode, frozen: (name) => frozen !== "" && name.startsWith(frozen) });
  return { graph, x: graph.input("x", shape) };
}

describe("layers", () => {
  it("conv2d takes paddings, strides, dilations and groups", () => {
    const { x, graph } = image([2, 9, 12, 4]);
    const options = { outChannels: 6, kernelSize: 3 } as const;
    expect(conv2d(x, "a", options).shape).toEqual([2, 7, 10, 6]);
    expect(conv2d(x, "b", { ...options, stride: 2, padding: "same" }).shape).toEqual([2, 5, 6, 6]);
    expect(conv2d(x, "c", { ...options, dilation: [2, 1], padding: [2, 1] }).shape).toEqual([2, 9, 12, 6]);
    const weight = (name: string) => graph.parameters.find((p) => p.name === name)!;
    expect(conv2d(x, "d", { ...options, groups: 2, bias: false, padding: [0, 1, 1, 0] }).shape).toEqual([
      2, 8, 11, 6,
    ]);
    expect(weight("d.weight").tensor.shape).toEqual([3, 3, 2, 6]);
    expect(graph.parameters.map(({ name, decay }) => [name, decay]).slice(0, 2)).toEqual([
      ["a.weight", true],
      ["a.bias", false],
    ]);
    expect(() => conv2d(x, "e", { ...options, groups: 3 })).toThrow(
      "conv2d e: C=4 and K=6 must be divisible by groups — groups 3, x (2, 9, 12, 4)",
    );
  });

  it("a layer's residual and activation are nodes of its name", () => {
    const { x, graph } = image([2, 4, 4, 4]);
    const y = conv2d(x, "a", { outChannels: 4, kernelSize: 1, activation: "relu" });
    const z = batchNorm(y, "b", { residual: x, activation: "relu" });
    expect(graph.nodes.map(({ op, label }) => `${label} ${op.name}`)).toEqual([
      ...["a conv2d", "a activation", "b batch_norm", "b add", "b activation"],
    ]);
    expect([y.name, z.name]).toEqual(["a", "b"]);
    expect(relu(z).name).toBe("b.relu");
    const attrs = () => graph.nodes.at(-1)!.attrs;
    leakyRelu(x);
    expect(attrs()).toEqual({ name: "leaky_relu", alpha: 0.01 });
    elu(x, 0.5);
    expect(attrs()).toEqual({ name: "elu", alpha: 0.5 });
    gelu(x, "tanh");
    expect(attrs()).toEqual({ name: "gelu_tanh" });
  });

  it("batch norm trains, evaluates, or is frozen with its weight", () => {
    const modeOf = (mode: "train" | "eval", frozen: string) => {
      const { x, graph } = image([2, 4, 4, 3], mode, frozen);
      batchNorm(x, "bn");
      return graph.nodes.find((node) => isNode(node, batchNormOp))!.attrs.mode;
    };
    expect(modeOf("train", "")).toBe("train");
    expect(modeOf("train", "bn.")).toBe("frozen");
    expect(modeOf("eval", "bn.")).toBe("eval");
    const { x, graph } = image([2, 4, 4, 3]);
    batchNorm(x, "bn", { residual: relu(x), activation: "relu" });
    expect([...graph.parameters, ...graph.states].map(({ name }) => name)).toEqual([
      "bn.weight",
      "bn.bias",
      "bn.running_mean",
      "bn.running_var",
    ]);
  });

  it("dense remembers the map that was flattened, past activations and dropout", () => {
    const { x, graph } = image([2, 3, 4, 5]);
    const map = (name: string) => graph.parameters.find((p) => p.name === name)!.flattened;
    const h = dense(dropout(relu(flatten(x)), "drop"), "a", { outFeatures: 7 });
    expect(h.shape).toEqual([2, 7]);
    expect(map("a.weight")).toEqual([3, 4, 5]);
    dense(h, "b", { outFeatures: 2 });
    expect(map("b.weight")).toBeUndefined();
    dense(globalAvgPool(x), "c", { outFeatures: 2 });
    expect(map("c.weight")).toBeUndefined();
    expect(() => dense(x, "d", { outFeatures: 2 })).toThrow(
      "dense d: expects an (N, C) tensor; flatten it first — x (2, 3, 4, 5)",
    );
  });

  it("pools, joins and ends as they should", () => {
    const { x } = image([2, 9, 9, 5]);
    expect(maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }).shape).toEqual([2, 5, 5, 5]);
    expect(avgPool2d(x, { kernelSize: 2 }).shape).toEqual([2, 4, 4, 5]);
    expect(concat(x, relu(x), x).shape).toEqual([2, 9, 9, 15]);
    expect(average(x, relu(x)).shape).toEqual(x.shape);
    expect(add(x, relu(x), "relu").shape).toEqual(x.shape);
    expect(softmax(globalAvgPool(x)).shape).toEqual([2, 5]);
    expect(() => concat(x)).toThrow("concat: takes two to six tensors — x (2, 9, 9, 5)");
  });
});

describe("initialisers", () => {
  const shape = [3, 3, 20, 40];
  const [fanIn, fanOut] = [9 * 20, 9 * 40];
  const cases = {
    heNormal: [heNormal(), 2 / fanIn],
    "heNormal, fan out": [heNormal("out"), 2 / fanOut],
    heUniform: [heUniform(), 2 / fanIn],
    xavierNormal: [xavierNormal(), 2 / (fanIn + fanOut)],
    xavierUniform: [xavierUniform(), 2 / (fanIn + fanOut)],
    torchWeight: [torchWeight(), 1 / (3 * fanIn)],
    torchBias: [torchBias(fanIn), 1 / (3 * fanIn)],
  } as const;
  for (const [name, [init, variance]] of Object.entries(cases)) {
    it(`${name} has mean 0 and its variance`, () => {
      const values = init(shape, new Random(1, name));
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const actual = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
      // 7,200 values: four standard errors.
      expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / values.length));
      expect(Math.abs(actual / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / values.length));
      if (/torch|Uniform/.test(name)) {
        const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        expect(largest).toBeLessThanOrEqual(Math.fround(Math.sqrt(3 * variance)));
      }
    });
  }

  it("a dense weight's fans are its extents", () => {
    const values = torchWeight()([6272, 10], new Random(1));
    expect(Math.max(...values.slice(0, 1000))).toBeLessThan(1 / Math.sqrt(6272));
    expect(() => heNormal()([7], new Random(1))).toThrow(
      "init: expects a (C, K) or (R, S, C, K) weight — (7)",
    );
  });
});

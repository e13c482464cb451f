import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { isNode } from "../../../src/graph/op.ts";
import { crossEntropy } from "../../../src/layers/index.ts";
import {
  convnet,
  countNumbers,
  createModel,
  inspect,
  interleaved,
  summary,
} from "../../../src/models/index.ts";
import { activationOp } from "../../../src/ops/elementwise/activation.ts";
import { lower } from "../../../src/ops/lower.ts";
import { batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { sgd } from "../../../src/optimizers/index.ts";
import { plan } from "../../../src/plan/plan.ts";

const shapesOf = (graph: Graph) =>
  Object.fromEntries(graph.parameters.map(({ name, tensor }) => [name, tensor.shape]));

describe("interleaved", () => {
  it("has the parameters of the original, by their PyTorch names", () => {
    const graph = inspect(interleaved());
    expect(countNumbers(graph.parameters)).toBe(326_346);
    const block = (C: number, K: number) => ({
      "conv1.weight": [3, 3, C, K],
      "bn1.weight": [K],
      "bn1.bias": [K],
      "conv2.weight": [3, 3, K, K],
      "bn2.weight": [K],
      "bn2.bias": [K],
      "downsample.0.weight": [1, 1, C, K],
      "downsample.1.weight": [K],
      "downsample.1.bias": [K],
    });
    const inBlock = (name: string, shapes: object) =>
      Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [`${name}.${key}`, shape]));
    expect(shapesOf(graph)).toEqual({
      "conv1.weight": [3, 3, 3, 16],
      "conv1.bias": [16],
      ...inBlock("block1", block(16, 32)),
      "conv2.weight": [3, 3, 32, 64],
      "conv2.bias": [64],
      ...inBlock("block2", block(64, 128)),
      "fc.weight": [128 * 7 * 7, 10],
      "fc.bias": [10],
    });
    expect(graph.states.map(({ name }) => name)).toContain("block2.downsample.1.running_var");
    expect(graph.parameters.find(({ name }) => name === "fc.weight")!.flattened).toEqual([7, 7, 128]);
  });

  it("is what its summary says", () => {
    expect(summary(interleaved(), (name) => name.startsWith("block1."))).toBe(
      [
        "interleaved: images (28, 28, 3) → 10 classes",
        "",
        "Layer                Operation   Output           Parameters  Trainable",
        "───────────────────────────────────────────────────────────────────────",
        "images               input       (N, 28, 28, 3)            0          0",
        "conv1                conv2d      (N, 28, 28, 16)         448        448",
        "block1.conv1         conv2d      (N, 14, 14, 32)       4,608          0",
        "block1.bn1           batch_norm  (N, 14, 14, 32)          64          0",
        "block1.conv2         conv2d      (N, 14, 14, 32)       9,216          0",
        "block1.downsample.0  conv2d      (N, 14, 14, 32)         512          0",
        "block1.downsample.1  batch_norm  (N, 14, 14, 32)          64          0",
        "block1.bn2           batch_norm  (N, 14, 14, 32)          64          0",
        "conv2                conv2d      (N, 14, 14, 64)      18,496     18,496",
        "block2.conv1         conv2d      (N, 7, 7, 128)       73,728     73,728",
        "block2.bn1           batch_norm  (N, 7, 7, 128)          256        256",
        "block2.conv2         conv2d      (N, 7, 7, 128)      147,456    147,456",
        "block2.downsample.0  conv2d      (N, 7, 7, 128)        8,192      8,192",
        "block2.downsample.1  batch_norm  (N, 7, 7, 128)          256        256",
        "block2.bn2           batch_norm  (N, 7, 7, 128)          256        256",
        "block2.bn2.flatten   flatten     (N, 6272)                 0          0",
        "fc                   dense       (N, 10)              62,730     62,730",
        "",
        "326,346 parameters, 311,818 trainable, 14,528 frozen",
      ].join("\n"),
    );
  });

  it("takes other sizes, channels, classes, widths and an activation", () => {
    const model = interleaved({
      inputShape: [32, 16, 1],
      classes: 3,
      widths: [4, 6, 8, 10],
      activation: "gelu",
    });
    const graph = inspect(model);
    expect(graph.outputs.get("logits")!.shape).toEqual([1, 3]);
    expect(shapesOf(graph)["fc.weight"]).toEqual([8 * 4 * 10, 3]);
    const activations = graph.nodes.filter((node) => isNode(node, activationOp));
    expect(activations.filter(({ attrs }) => attrs.name === "gelu").length).toBe(2);
    expect(createModel("interleaved", model.options).options).toEqual(model.options);
  });

  it("refuses extents that its strides do not divide", () => {
    expect(() => interleaved({ inputShape: [28, 27, 3] })).toThrow(
      "interleaved: height and width must be multiples of 4, the product of the strides — inputShape (28, 27, 3)",
    );
  });

  it("trains with any part frozen: the frozen part gets no gradient and is not updated", () => {
    const graph = new Graph({ mode: "train", frozen: (name) => /^(conv1|block1)\./.test(name) });
    const logits = interleaved().build(graph.input("images", [4, 28, 28, 3]));
    const loss = crossEntropy(logits, graph.input("labels", [4], "i32"));
    const program = lower(graph, [[loss, null]]);
    const { moments } = sgd({ lr: 0.1, momentum: 0.9 }).emit(graph, program);
    const trained = graph.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
    expect(moments.map(({ name }) => name)).toEqual(trained.map((name) => `optimizer.momentum.${name}`));
    expect(trained.some((name) => name.startsWith("block1."))).toBe(false);
    for (const node of graph.nodes) {
      if (!isNode(node, batchNormOp)) continue;
      const { label, attrs } = node;
      expect(attrs.mode, label).toBe(label.startsWith("block1.") ? "frozen" : "train");
    }
    expect(program.dispatches.some(({ label }) => label.startsWith("d(block1."))).toBe(false);
    expect(plan(program).dispatches.length).toBeGreaterThan(0);
  });
});

it("convnet is interleaved without shortcuts, with batch norm or biases", () => {
  const withNorm = inspect(convnet());
  // Without the two shortcuts: a 1×1 convolution and a batch norm each.
  expect(countNumbers(withNorm.parameters)).toBe(326_346 - (512 + 64) - (8_192 + 256));
  expect(withNorm.parameters.some(({ name }) => name.includes("downsample"))).toBe(false);
  const plain = inspect(convnet({ batchNorm: false }));
  expect(plain.states).toEqual([]);
  expect(shapesOf(plain)["block2.conv2.bias"]).toEqual([128]);
  expect(createModel("convnet", convnet({ batchNorm: false }).options).options.batchNorm).toBe(false);
});

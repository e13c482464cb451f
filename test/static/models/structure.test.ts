import { describe, expect, it } from "vitest";
import { add, concat, conv2d, dense, globalAvgPool, relu } from "../../../src/layers/index.ts";
import {
  basicBlock,
  countNumbers,
  inspect,
  layersOf,
  type Model,
  stacked,
} from "../../../src/models/index.ts";
import { layerOutputs } from "../../../src/models/structure.ts";
import { smallModels } from "../../support/models/models.ts";

const modelOf = (build: Model["build"]): Model => ({
  ...{ name: "tiny", inputShape: [8, 8, 3], classes: 4, options: {} },
  build: (images) => dense(globalAvgPool(build(images)), "fc", { outFeatures: 4 }),
});

const edges = (model: Model): Record<string, readonly string[]> =>
  Object.fromEntries(layersOf(model).map(({ label, inputs }) => [label, inputs]));

describe("layersOf", () => {
  it("gives a layer's operations, shape and parameters", () => {
    const model = stacked({ depth: 8, shortcuts: "all", frozen: ["layer1.0.bn2.bias"] });
    const layers = new Map(
      layersOf(model, (name) => name === "fc.bias").map((layer) => [layer.label, layer]),
    );
    expect(layers.get("layer1.0.conv1")).toEqual({
      label: "layer1.0.conv1",
      operations: ["conv2d"],
      shape: [28, 28, 8],
      inputs: ["bn1"],
      parameters: ["layer1.0.conv1.weight"],
      parameterCount: 576,
      trainableCount: 576,
    });
    expect(layers.get("layer1.0.bn2")).toEqual({
      label: "layer1.0.bn2",
      operations: ["batch_norm", "add", "activation"],
      shape: [28, 28, 8],
      inputs: ["layer1.0.conv2", "bn1"],
      parameters: ["layer1.0.bn2.weight", "layer1.0.bn2.bias"],
      parameterCount: 16,
      trainableCount: 8,
    });
    expect(layers.get("fc")).toMatchObject({ shape: [10], parameterCount: 330, trainableCount: 320 });
  });

  it("shows where shortcuts start and end, whatever they go through", () => {
    expect(edges(stacked({ depth: 8, shortcuts: [true, true, false], batchNorm: false }))).toEqual({
      conv1: ["images"],
      "layer1.0.conv1": ["conv1"],
      "layer1.0.conv2": ["layer1.0.conv1", "conv1"],
      "layer2.0.conv1": ["layer1.0.conv2"],
      "layer1.0.conv2.avgPool2d": ["layer1.0.conv2"],
      "layer1.0.conv2.avgPool2d.padChannels": ["layer1.0.conv2.avgPool2d"],
      "layer2.0.conv2": ["layer2.0.conv1", "layer1.0.conv2.avgPool2d.padChannels"],
      "layer3.0.conv1": ["layer2.0.conv2"],
      "layer3.0.conv2": ["layer3.0.conv1"],
      "layer3.0.conv2.globalAvgPool": ["layer3.0.conv2"],
      fc: ["layer3.0.conv2.globalAvgPool"],
    });
    const block = { outChannels: 8, stride: 2, batchNorm: false };
    expect(edges(modelOf((images) => basicBlock(images, "block", block)))).toMatchObject({
      "block.downsample.0": ["images"],
      "block.conv2": ["block.conv1", "block.downsample.0"],
    });
  });

  it("tells layers apart that are named after the same tensor", () => {
    const model = modelOf((images) => {
      const a = conv2d(images, "a", { outChannels: 4, kernelSize: 3, padding: 1 });
      const b = conv2d(a, "b", { outChannels: 4, kernelSize: 3, padding: 1 });
      return relu(concat(add(a, b), add(a, relu(b))));
    });
    expect(edges(model)).toEqual({
      a: ["images"],
      b: ["a"],
      "a.add": ["a", "b"],
      "b.relu": ["b"],
      "a.add (2)": ["a", "b.relu"],
      "a.add.concat": ["a.add", "a.add (2)"],
      "a.add.concat.relu": ["a.add.concat"],
      "a.add.concat.relu.globalAvgPool": ["a.add.concat.relu"],
      fc: ["a.add.concat.relu.globalAvgPool"],
    });
  });

  it.each(smallModels)("%s: every parameter once, and each layer after those that it takes", (_, create) => {
    const model = create();
    const graph = inspect(model);
    const layers = layersOf(model);
    const known = new Set(["images"]);
    for (const { label, inputs } of layers) {
      expect(inputs.length, label).toBeGreaterThan(0);
      for (const input of inputs) expect(known.has(input), `${label} takes ${input}`).toBe(true);
      expect(known.has(label), `${label} is unique`).toBe(false);
      known.add(label);
    }
    const names = layers.flatMap(({ parameters }) => parameters);
    expect(names.sort()).toEqual(graph.parameters.map(({ name }) => name).sort());
    const sum = layers.reduce((total, { parameterCount }) => total + parameterCount, 0);
    expect(sum).toBe(countNumbers(graph.parameters));
    expect(layerOutputs(graph).get(layers.at(-1)!.label)).toBe(graph.outputs.get("logits"));
  });
});

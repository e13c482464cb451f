/** What is written as ONNX is read again: every op that is exported, and every activation. */
import { describe, expect, it } from "vitest";
import { exportOnnx, OPERATIONS } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { ACTIVATIONS } from "../../../src/kernel/constants.gen.ts";
import * as layers from "../../../src/layers/index.ts";
import { inspect, type Model } from "../../../src/models/index.ts";
import type { ActivationName } from "../../../src/ops/elementwise/activation.ts";
import { softmaxOp } from "../../../src/ops/loss/softmax.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { runOnnx } from "../../support/models/onnx.ts";

/** f32 sums in another order. */
const ROUNDING = 1e-5;

const WINDOW = { kernelSize: [3, 2], stride: [2, 1], padding: [1, 0] } as const;
const conv = (x: Tensor, name = "other", outChannels = 6): Tensor =>
  layers.conv2d(x, name, { outChannels, kernelSize: 1 });

/** By the ops' names, of a map (N, 7, 6, 6). */
const LAYERS: Readonly<Record<string, readonly ((x: Tensor) => Tensor)[]>> = {
  conv2d: [(x) => layers.conv2d(x, "l", { ...WINDOW, outChannels: 4, dilation: 2, groups: 2 })],
  conv_transpose2d: [
    (x) =>
      layers.convTranspose2d(x, "l", {
        outChannels: 4,
        kernelSize: 3,
        stride: 2,
        outputPadding: 1,
        groups: 2,
      }),
    (x) =>
      layers.convTranspose2d(x, "l", {
        ...WINDOW,
        outChannels: 5,
        padding: [2, 0, 1, 0],
        dilation: [1, 2],
        bias: false,
      }),
    (x) => layers.convTranspose2d(x, "l", { outChannels: 5, kernelSize: 2, activation: "tanh" }),
  ],
  dense: [(x) => layers.dense(layers.flatten(x), "l", { outFeatures: 5 })],
  batch_norm: [(x) => layers.batchNorm(x, "l", { eps: 1e-3, momentum: 0.25 })],
  group_norm: [
    (x) => layers.groupNorm(x, "l", { numGroups: 3, eps: 1e-3 }),
    (x) => layers.groupNorm(x, "l", { numGroups: 1 }),
    (x) => layers.groupNorm(x, "l", { numGroups: 6 }),
    (x) => layers.add(x, layers.relu(layers.groupNorm(x, "l", { numGroups: 2 }))),
    (x) => layers.groupNorm(layers.globalAvgPool(x), "l", { numGroups: 2 }),
  ],
  layer_norm: [
    (x) => layers.layerNorm(x, "l", { eps: 1e-3 }),
    (x) => layers.add(x, layers.gelu(layers.layerNorm(x, "l"))),
    (x) => layers.layerNorm(layers.globalAvgPool(x), "l"),
  ],
  add: [(x) => layers.add(x, conv(x))],
  mul: [
    (x) => layers.mul(x, conv(x)),
    (x) => layers.mul(x, layers.globalAvgPool(x)),
    (x) => layers.mul(x, conv(x, "o", 1)),
  ],
  sub: [(x) => layers.sub(x, conv(x))],
  rescale: [(x) => layers.rescale(layers.relu(x), { scale: [1, 2, 3, 4, 5, 6], offset: 0.5 })],
  prelu: [(x) => layers.prelu(x, "l"), (x) => layers.prelu(x, "l", { numParameters: 6 })],
  average: [(x) => layers.average(x, conv(x))],
  concat: [(x) => layers.concat(x, conv(x))],
  pad_channels: [(x) => layers.padChannels(x, 11, 2)],
  pad2d: [(x) => layers.pad2d(x, [1, 2, 0, 3], { mode: "reflect" }), (x) => layers.pad2d(x, 1, { value: 2 })],
  upsample: [
    (x) => layers.upsample(x, { scaleFactor: 2, mode: "bilinear" }),
    (x) => layers.upsample(x, { size: [9, 5] }),
  ],
  max_pool2d: [(x) => layers.maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1, ceilMode: true })],
  avg_pool2d: [
    (x) => layers.avgPool2d(x, { kernelSize: 3, stride: 2, padding: 1, countIncludePad: false }),
    (x) => layers.avgPool2d(x, { kernelSize: 2, stride: 2, ceilMode: true }),
  ],
  global_avg_pool: [(x) => layers.globalAvgPool(x)],
  global_max_pool: [(x) => layers.globalMaxPool(x)],
  flatten: [(x) => layers.dense(layers.flatten(x), "l", { outFeatures: 3 })],
  softmax: [(x) => x.graph.apply(softmaxOp, "l", { x: layers.globalAvgPool(x) }, {}).y],
  dropout: [(x) => layers.dropout(x, "l", 0.3)],
  activation: [(x) => layers.relu(layers.dropout(x, "l", 0.3))],
};

/** A model that has a layer behind another, before the mean. */
const modelOf = (layer: (x: Tensor) => Tensor): Model => ({
  ...{ name: "one", inputShape: [7, 6, 3], classes: 0, options: {} },
  build(images) {
    const y = layer(conv(images, "first"));
    return y.shape.length === 2 ? y : layers.globalMaxPool(y);
  },
});

async function expectRoundTrip(model: Model): Promise<void> {
  const weights = seededWeights(model, 3);
  for (const { shape, data } of weights.values())
    if (shape.length === 1) for (const i of data.keys()) data[i]! += 0.1 * (i + 1);
  const written = exportOnnx(model, weights);
  const back = importOnnx(written, { source: "written" });
  expect([...back.weights.keys()].sort()).toEqual([...weights.keys()].sort());
  for (const [name, { data }] of weights) expect(back.weights.get(name)?.data, name).toEqual(data);
  const shape = [2, ...model.inputShape] as const;
  const images = someImages(shape);
  // A softmax at the end is left out, and ends the second file too.
  const probabilities = inspect(model).nodes.at(-1)!.op === softmaxOp;
  const again = exportOnnx(back.model, back.weights, { probabilities });
  const expected = await runOnnx(written, images, shape);
  expect(relativeError(await runOnnx(again, images, shape), expected)).toBeLessThan(ROUNDING);
}

describe("exportOnnx and importOnnx", () => {
  it("know the same ops, each of which this file has a layer of", () => {
    expect(Object.keys(LAYERS).sort()).toEqual(OPERATIONS.map(({ op }) => op).sort());
  });

  it.each(Object.entries(LAYERS).flatMap(([op, all]) => all.map((layer, i) => [op, i + 1, layer] as const)))(
    "read %s as it was written, case %i",
    async (op, _, layer) => {
      const model = modelOf(layer);
      expect(inspect(model).nodes.map((node) => node.op.name)).toContain(op);
      await expectRoundTrip(model);
    },
  );

  it.each(Object.keys(ACTIVATIONS) as ActivationName[])(
    "read the activation %s as it was written",
    async (name) => {
      const activation =
        name === "leaky_relu" || name === "elu" || name === "hardtanh"
          ? { name, alpha: -0.2, beta: 0.4 }
          : name;
      await expectRoundTrip(modelOf((x) => conv(layers.activation(x, activation), "last")));
      // Of a map that another layer takes too.
      await expectRoundTrip(modelOf((x) => layers.concat(layers.activation(x, activation), x)));
    },
  );
});

/** Our outputs, from the GPU, against ONNX Runtime's: of files that are read, and of models that are written. */

import { describe, expect, it } from "vitest";
import { commands } from "vitest/browser";
import { importOnnx } from "../../src/formats/onnx/import.ts";
import { createModel } from "../../src/models/index.ts";
import { relativeError, someImages } from "../support/data/images.ts";
import { seededWeights } from "../support/data/seeded.ts";
import { runModel } from "../support/run/run-model.ts";

/** Allowed difference relative to the largest logit: f32 sums in another order. */
const ROUNDING = 1e-5;

const logged = (what: string, error: number): number => {
  console.log(`${what}: relative error ${error.toExponential(1)}`);
  return error;
};

describe("models read from ONNX files", () => {
  it.each([
    ["resnet", 2],
    ["folded", 2],
    ["vgg", 1],
    ["windows", 2],
  ])("%s.onnx gives what ONNX Runtime gives", async (name, batch) => {
    const response = await fetch(new URL(`../support/fixtures/onnx/${name}.onnx`, import.meta.url));
    const { model, weights } = importOnnx(new Uint8Array(await response.arrayBuffer()));
    const shape = [batch, ...model.inputShape] as [number, number, number, number];
    const logits = await runModel(model, weights, someImages(shape), batch);
    const expected = await commands.runOnnxFixture(`onnx/${name}`, shape);
    const actual = name === "vgg" ? softmax(logits) : logits;
    expect(logged(name, relativeError(actual, expected))).toBeLessThan(ROUNDING);
  });
});

const small = { inputShape: [64, 64, 3] } as const;
const narrow = (name: string) => ({ name, width: 8 });

describe("models written as ONNX files", () => {
  it.each([
    ["interleaved", { activation: "silu" }, 2],
    ["stacked", { depth: 8, shortcuts: "all", inputShape: [9, 12, 2], widths: [4, 6, 11] }, 2],
    ["convnet", { batchNorm: false, inputShape: [12, 20, 2], classes: 7 }, 3],
    [
      "fusion",
      { ...small, backbone: narrow("resnet50"), vgg: narrow("vgg16"), merge: "average", classes: 3 },
      1,
    ],
    ["resnet18", { inputShape: [224, 224, 3] }, 1],
    ["resnet50", { ...small, width: 16 }, 1],
    ["vgg16", { ...small, width: 16, hidden: 64 }, 1],
  ] as const)("%s gives in ONNX Runtime what it gives here", async (topology, options, batch) => {
    const model = createModel(topology, options);
    const images = someImages([batch, ...model.inputShape]);
    const actual = await runModel(model, seededWeights(model, 5), images, batch);
    const expected = await commands.runExported(topology, options, 5, batch);
    expect(logged(topology, relativeError(actual, expected))).toBeLessThan(ROUNDING);
  });
});

function softmax(logits: Float32Array): Float32Array {
  const sum = logits.reduce((total, v) => total + Math.exp(v), 0);
  return logits.map((v) => Math.exp(v) / sum);
}

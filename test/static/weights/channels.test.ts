/** Weights between grey and colour models: what ONNX Runtime gives for both must be the same. */
import { describe, expect, it } from "vitest";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { createModel, type Model } from "../../../src/models/index.ts";
import { finetune } from "../../../src/transfer/finetune.ts";
import { loadPretrained } from "../../../src/transfer/pretrained.ts";
import { fileShape, toFile } from "../../../src/weights/layout.ts";
import { loadWeights } from "../../../src/weights/load.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { memoryTarget } from "../../support/data/weights.ts";
import { runOnnx } from "../../support/models/onnx.ts";

const extents = [32, 32] as const;
const grey = someImages([2, ...extents, 1]);
const images = {
  1: grey,
  3: Float32Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!),
};

const make = (name: string, channels: 1 | 3, options = {}): Model =>
  createModel(name, { inputShape: [...extents, channels], classes: 5, ...options });

const run = (model: Model, weights: NamedWeights): Promise<Float32Array> =>
  runOnnx(exportOnnx(model, weights), images[model.inputShape[2] as 1 | 3], [2, ...model.inputShape]);

const held = ({ weights, values }: ReturnType<typeof memoryTarget>): NamedWeights =>
  new Map(
    weights.map((variable) => [
      variable.name,
      { shape: fileShape(variable), data: toFile(variable, values.get(variable.name)!) },
    ]),
  );

describe.each([
  ["resnet18", { width: 8 }, "conv1.weight", [8, 3, 7, 7], [8, 1, 7, 7]],
  ["vgg11", { width: 4, hidden: 16 }, "features.0.weight", [4, 3, 3, 3], [4, 1, 3, 3]],
] as const)("%s", (name, options, stem, three, one) => {
  it.each([
    ["colour weights for grey images", 3, 1, three, one],
    ["grey weights for colour images", 1, 3, one, three],
  ] as const)("takes %s: the grey image has the same outputs", async (_, given, wanted, from, to) => {
    const original = make(name, given, options);
    const weights = seededWeights(original, 3);
    const target = memoryTarget(make(name, wanted, options));
    const report = await loadPretrained(target, weights);
    expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    expect(report.adapted).toEqual([{ name: stem, from, to }]);
    expect(report.loaded).toContain(stem);
    const expected = await run(original, weights);
    const error = relativeError(await run(target.model, held(target)), expected);
    expect(error).toBeLessThan(1e-5);
  });
});

describe("adapt", () => {
  const weights = seededWeights(make("resnet20", 3, { width: 4 }), 3);
  const target = () => memoryTarget(make("resnet20", 1, { width: 4 }));

  it("is not what loadWeights does unless it is asked to", async () => {
    const misfit = "conv1.weight is (4, 3, 3, 3), the model has (4, 1, 3, 3)";
    await expect(loadWeights(target(), weights)).rejects.toThrow(misfit);
    const report = await loadWeights(target(), weights, { strict: false });
    expect([report.mismatched.map(({ name }) => name), report.adapted]).toEqual([["conv1.weight"], []]);
    const asked = target();
    const { adapted, mismatched } = await loadWeights(asked, weights, { adapt: true });
    expect([adapted.map(({ name }) => name), mismatched]).toEqual([["conv1.weight"], []]);
    // In (R, S, C, K) order, the sum over C of the first tap.
    const kernels = weights.get("conv1.weight")!.data;
    expect(asked.values.get("conv1.weight")![0]).toBeCloseTo(kernels[0]! + kernels[9]! + kernels[18]!, 6);
  });

  it("is what finetune does", async () => {
    const tuning = finetune({ name: "resnet20", width: 4 }, { classes: 2, inputShape: [...extents, 1] });
    const { adapted } = await tuning.load(memoryTarget(tuning.model), weights);
    expect(adapted).toEqual([{ name: "conv1.weight", from: [4, 3, 3, 3], to: [4, 1, 3, 3] }]);
  });

  it.each([
    ["of other numbers of channels", [4, 2, 3, 3]],
    ["of other kernels", [4, 3, 5, 5]],
    ["of other outputs", [8, 3, 3, 3]],
    ["that is no convolution's", [4, 3]],
  ])("leaves a weight %s alone", async (_, shape) => {
    const size = shape.reduce((a, b) => a * b);
    const other = new Map(weights).set("conv1.weight", { shape, data: new Float32Array(size) });
    const subject = target();
    const { mismatched, adapted } = await loadPretrained(subject, other, { strict: false });
    expect(mismatched).toEqual([{ name: "conv1.weight", expected: [4, 1, 3, 3], got: shape }]);
    expect([adapted, subject.values.has("conv1.weight")]).toEqual([[], false]);
  });

  it("leaves the last layer of other classes alone", async () => {
    const subject = memoryTarget(make("resnet20", 1, { width: 4, classes: 2 }));
    const { mismatched, adapted } = await loadPretrained(subject, weights);
    expect(mismatched.map(({ name }) => name)).toEqual(["fc.weight", "fc.bias"]);
    expect(adapted.map(({ name }) => name)).toEqual(["conv1.weight"]);
  });
});

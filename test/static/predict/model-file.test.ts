/** Model files without a GPU: what they hold, and what is refused before a GPU is asked for anything. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NonFiniteError, WeightsError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import { VERSION } from "../../../src/base/version.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import type { Gpu } from "../../../src/gpu/device.ts";
import { createModel, interleaved, type Model } from "../../../src/models/index.ts";
import { describeModel, loadModel, modelFile, saveModel } from "../../../src/predict/model-file.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  float32Values,
  type TensorData,
} from "../../../src/weights/safetensors.ts";
import { memoryTarget, tinyResnet } from "../../support/data/weights.ts";

const preprocessing = { resize: 8, mode: "torch", mean: [0.5], std: [0.25] } as const;
const own = {
  inputShape: [8, 8, 1],
  classes: 2,
  widths: [4, 4, 8, 8],
  activation: "relu",
  preprocessing,
} as const;
const model = interleaved(own);
const info = { labels: ["cat", "dog"] };

function initialised(of: Model): ReturnType<typeof memoryTarget> {
  const target = memoryTarget(of);
  for (const { name, tensor, init } of target.weights)
    target.values.set(name, init(tensor.shape, new Random(1, name)));
  return target;
}

const weightsOnnx = new Uint8Array(
  readFileSync(new URL("../../support/fixtures/onnx/resnet.onnx", import.meta.url)),
);

const noGpu = undefined as unknown as Gpu;
const load = (file: Uint8Array) => loadModel(file, { gpu: noGpu, name: "m.safetensors" });

/** A model file whose description is this. */
const described = (description: unknown): Uint8Array =>
  encodeSafetensors(new Map(), {
    webgraft: typeof description === "string" ? description : JSON.stringify(description),
  });

it("carries the version of the package", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  expect(VERSION).toBe(version);
  const citation = readFileSync(new URL("../../../CITATION.cff", import.meta.url), "utf8");
  expect(/^version: (.+)$/m.exec(citation)?.[1]).toBe(version);
});

describe("a model file", () => {
  it("has no weight that is not finite, whatever it is made from", async () => {
    const target = initialised(model);
    const name = "block1.conv1.weight";
    target.values.get(name)![5] = Number.NaN;
    await expect(saveModel(target, info)).rejects.toThrow(NonFiniteError);
    const checkpoint = encodeSafetensors(
      new Map([[name, { shape: [2], data: Float32Array.of(1, Number.POSITIVE_INFINITY) }]]),
    );
    expect(() => modelFile(checkpoint)).toThrow(`${name} (Infinity at 1)`);
  });

  it("says what makes the model, and has weights that PyTorch takes", async () => {
    const target = initialised(model);
    const { tensors, metadata } = decodeSafetensors(
      await saveModel(target, { ...info, metadata: { note: "x" } }),
      "model",
    );
    const { webgraft, ...rest } = metadata;
    expect(rest).toEqual({ format: "pt", note: "x" });
    expect(JSON.parse(webgraft!)).toEqual({
      version: VERSION,
      name: "interleaved",
      options: own,
      preprocessing,
      ...info,
    });
    const names = target.weights.map(({ name }) => name);
    expect([...tensors.keys()].filter((name) => !name.endsWith("num_batches_tracked")).sort()).toEqual(
      names.sort(),
    );
  });

  it("is smaller by half with F16", async () => {
    const target = initialised(model);
    const [single, half] = [await saveModel(target), await saveModel(target, { dtype: "F16" })];
    expect(half.length).toBeLessThan(0.75 * single.length);
  });

  it("is not written for a model that could not be loaded back", async () => {
    await expect(saveModel(initialised(tinyResnet()))).rejects.toThrow("unknown name tiny resnet");
    const changed = { ...model, options: { ...model.options, widths: [4, 4, 8, 4] } };
    await expect(saveModel({ ...initialised(model), model: changed })).rejects.toThrow(
      "make a different model",
    );
    await expect(saveModel(initialised(model), { labels: ["cat"] })).rejects.toThrow(
      "1 labels for 2 classes",
    );
    // With a maker of one's own it can.
    await saveModel(initialised(tinyResnet()), { create: () => tinyResnet() });
  });

  it("is made of a checkpoint without its moments", () => {
    const values = (data: Float32Array) => ({ shape: [data.length], data });
    const checkpoint = encodeSafetensors(
      new Map<string, TensorData>([
        ["bn.running_mean", values(Float32Array.of(1, 2))],
        ["bn.num_batches_tracked", { shape: [], data: BigInt64Array.of(7n) }],
        ["optimizer.momentum.fc.bias", values(Float32Array.of(3))],
      ]),
      { format: "webgraft", step: "1", ...describeModel(model, info) },
    );
    const { tensors, metadata } = decodeSafetensors(modelFile(checkpoint, { testAccuracy: "0.5" }), "model");
    expect([...tensors.keys()].sort()).toEqual(["bn.num_batches_tracked", "bn.running_mean"]);
    expect(metadata).toEqual({ format: "pt", testAccuracy: "0.5", ...describeModel(model, info) });
  });

  it("is made of a model file, in half the bytes too", () => {
    const shape = [1, 3];
    const weights = new Map([["fc.weight", { shape, data: Float32Array.of(0.5, 1, 1 / 3) }]]);
    const described = describeModel(model, info);
    const whole = modelFile(encodeSafetensors(weights, { format: "webgraft", ...described }));
    const half = decodeSafetensors(modelFile(whole, {}, "F16"), "model");
    expect(half.metadata).toEqual({ format: "pt", ...described });
    expect(half.tensors.get("fc.weight")).toMatchObject({ dtype: "F16", shape });
  });
});

describe("loadModel refuses", () => {
  const { version, name, options } = JSON.parse(describeModel(model, info).webgraft!);

  it.each([
    ["a file that names no model", encodeSafetensors(new Map()), /does not describe its model/],
    ["a description that is no JSON", described("{"), /the description of the model is not JSON/],
    ["a description without options", described({ version, name }), /options must be an object/],
    [
      "labels that are no texts",
      described({ version, name, options, labels: [1, 2] }),
      /labels\[0\] must be text — got 1/,
    ],
    [
      "preprocessing that is a list",
      described({ version, name, options, preprocessing: [] }),
      /preprocessing must be an object with resize/,
    ],
    [
      "preprocessing that divides by zero",
      described({ version, name, options, preprocessing: { ...preprocessing, std: [0] } }),
      /preprocessing\.std\[0\] must be a positive number — got 0/,
    ],
    [
      "preprocessing of other images",
      described({ version, name, options, preprocessing: { ...preprocessing, mean: [0, 0], std: [1, 1] } }),
      /preprocessing of 2 channels for images of 1/,
    ],
    [
      "labels for other classes",
      described({ version, name, options, labels: ["a"] }),
      /1 labels for 2 classes/,
    ],
    ["an unknown model", described({ version, name: "toString", options }), /unknown name toString/],
    [
      "options of wrong types",
      described({ version, name, options: { ...options, widths: 5 } }),
      /cannot make its model/,
    ],
    [
      "options of absurd size",
      described({ version, name, options: { ...options, widths: [4, 2 ** 40, 8, 8] } }),
      /cannot make its model — parameter .* the device binds at most/,
    ],
    [
      "missing weights",
      described({ version, name, options }),
      /does not fit the model: conv1\.weight .* is missing/,
    ],
  ])("%s", async (_, file, message) => {
    await expect(load(file)).rejects.toThrow(WeightsError);
    await expect(load(file)).rejects.toThrow(message);
    await expect(load(file)).rejects.toThrow(/^m\.safetensors/);
  });

  it("weights of another shape", async () => {
    const target = initialised(interleaved({ ...model.options, widths: [4, 4, 8, 12] } as object));
    const { tensors } = decodeSafetensors(await saveModel(target), "model");
    const wrong = encodeSafetensors(
      new Map(
        [...tensors].map(([key, { shape, bytes }]) => {
          const isCount = key.endsWith("num_batches_tracked");
          return [
            key,
            { shape, data: isCount ? new BigInt64Array(1) : new Float32Array(bytes.slice().buffer) },
          ];
        }),
      ),
      describeModel(model, info),
    );
    await expect(load(wrong)).rejects.toThrow(/fc\.weight is \(2, 48\), the model has \(2, 32\)/);
  });

  it.each([
    ["interleaved", model],
    [
      "features",
      createModel("features", { inputShape: [32, 32, 3], backbone: { name: "resnet20", width: 4 } }),
    ],
    ["vgg11", createModel("vgg11", { inputShape: [32, 32, 3], classes: 2, width: 4, hidden: 8 })],
    ["network", importOnnx(weightsOnnx).model],
  ])("or makes soundly whatever the description of %s says", async (_, described) => {
    const target = initialised(described);
    const sound = await saveModel(target);
    const { tensors, metadata } = decodeSafetensors(sound, "model");
    const text = metadata.webgraft!;
    const tokens = [...text.matchAll(/-?\d[\d.e+-]*|"[^"]*"|[[\]{}]|true|false|null/g)];
    const anything = fc.oneof(
      fc.constantFrom("-1", "0", "1", "2", "1.5", "1e9", "1e308", "4294967296", "null", "[]", "{}", "true"),
      fc.constantFrom('"vgg11"', '"resnet50"', '"network"', '"images"', '"__proto__"', '"constructor"', '""'),
      fc.nat(1000).map(String),
    );
    const data = new Map(
      [...tensors]
        .filter(([name]) => !name.endsWith("num_batches_tracked"))
        .map(([name, stored]) => [name, { shape: stored.shape, data: float32Values(name, stored) }]),
    );
    const reached = new Error("the GPU was asked for");
    const gpu = new Proxy({} as Gpu, {
      get() {
        throw reached;
      },
    });
    expect(await loadModel(sound, { gpu }).catch((error) => error)).toBe(reached);
    await fc.assert(
      fc.asyncProperty(fc.nat(tokens.length - 1), anything, async (index, word) => {
        const { 0: old, index: at } = tokens[index]!;
        const webgraft = text.slice(0, at) + word + text.slice(at + old.length);
        const error = await loadModel(encodeSafetensors(data, { webgraft }), { gpu }).catch((e) => e);
        if (error !== reached) expect(error).toBeInstanceOf(WeightsError);
      }),
      { numRuns: 200 },
    );
  });
});

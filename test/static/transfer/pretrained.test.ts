/** Weights from files of every kind into backbones, from addresses and from the command line's server. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { LineReporter } from "../../../src/cli/output/progress.ts";
import { runFiles } from "../../../src/cli/server/run-files.ts";
import { type LocalServer, serve } from "../../../src/cli/server/serve.ts";
import { importKeras } from "../../../src/formats/keras/import.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { decodeOnnx, encodeOnnx } from "../../../src/formats/onnx/model-proto.ts";
import { caffePreprocessing, createModel, KERAS_RESNET, type Model } from "../../../src/models/index.ts";
import { type NetworkLayer, network } from "../../../src/models/topologies/network.ts";
import { finetune } from "../../../src/transfer/finetune.ts";
import { loadPretrained } from "../../../src/transfer/pretrained.ts";
import { openSafetensors } from "../../../src/weights/file.ts";
import { fileShape, toFile } from "../../../src/weights/layout.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { memoryTarget, tinyResnet, weightsFixture } from "../../support/data/weights.ts";
import { type KerasExpected, kerasImages } from "../../support/models/keras.ts";
import { runOnnx } from "../../support/models/onnx.ts";

const fixture = (path: string): string =>
  fileURLToPath(new URL(`../../support/fixtures/${path}`, import.meta.url));
const bytesOf = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(fixture(path)));

const served = [
  "keras/resnet50/model.json",
  "keras/vgg16/model.json",
  "weights/resnet.safetensors.index.json",
  "onnx/resnet.onnx",
  "keras/make.mjs",
];

let server: LocalServer;
const urlOf = (path: string): string =>
  `${server.url}weights/${served.indexOf(path)}/${path.slice(path.lastIndexOf("/") + 1)}`;

beforeAll(async () => {
  server = await serve([runFiles({ weights: served.map(fixture) })]);
});
afterAll(() => server.close());

type Target = ReturnType<typeof memoryTarget>;

const held = ({ weights, values }: Target): NamedWeights =>
  new Map(
    weights
      .filter(({ name }) => values.has(name))
      .map((variable) => [
        variable.name,
        { shape: fileShape(variable), data: toFile(variable, values.get(variable.name)!) },
      ]),
  );

const all = {
  ...{ missing: [], unexpected: [], mismatched: [] },
  ...{ adapted: [], unfolded: [], differences: [] },
};

describe("loadPretrained", () => {
  it("finds the part of the model that a file is for", async () => {
    const file = weightsFixture("resnet-torchvision.safetensors");
    const behind: Model = {
      ...tinyResnet({ prefix: "resnet.", classes: 3 }),
      backbones: { "resnet.": "resnet18" },
    };
    const target = memoryTarget(behind);
    const report = await loadPretrained(target, file);
    expect(report.prefix).toBe("resnet.");
    expect(report.loaded).toContain("resnet.layer1.0.conv1.weight");
    expect(report.mismatched.map(({ name }) => name)).toEqual(["resnet.fc.weight", "resnet.fc.bias"]);
    expect(target.values.has("resnet.fc.weight")).toBe(false);

    const whole = memoryTarget(tinyResnet());
    expect(await loadPretrained(whole, file)).toMatchObject({ prefix: "", ...all });
  });

  it("refuses a file of which nothing fits", async () => {
    const target = memoryTarget(createModel("convnet"));
    const misfit = /does not fit the model/;
    await expect(loadPretrained(target, weightsFixture("vgg-torchvision.safetensors"))).rejects.toThrow(
      misfit,
    );
    await expect(loadPretrained(target, bytesOf("onnx/vgg.onnx"))).rejects.toThrow(misfit);
    await expect(loadPretrained(target, urlOf("keras/vgg16/model.json"))).rejects.toThrow(misfit);
    expect(target.values.size).toBe(0);
  });
});

describe("timm's MobileNetV3-Small, whose norms have another eps than torchvision's", () => {
  const { mobilenet_v3_small } = JSON.parse(readFileSync(fixture("backbones/names.json"), "utf8"));
  const file: NamedWeights = new Map(
    Object.entries(mobilenet_v3_small.timm as Record<string, number[]>).map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
    ]),
  );
  const small = { inputShape: [32, 32, 3], classes: 1000 } as const;
  const norm = { eps: 1e-5 };

  it("is loaded with all norms listed, unless the model has that eps", async () => {
    const report = await loadPretrained(memoryTarget(createModel("mobilenet_v3_small", small)), file);
    expect(report).toMatchObject({ ...all, differences: report.differences });
    expect(report.differences.length).toBe(34);
    const [first] = report.differences;
    expect(first).toEqual({ name: "features.0.1", option: "eps", expected: [1e-3], got: [1e-5] });
    const like = createModel("mobilenet_v3_small", { ...small, norm });
    expect(await loadPretrained(memoryTarget(like), file)).toMatchObject(all);
    const backbone = { name: "mobilenet_v3_small", norm } as const;
    const part = memoryTarget(createModel("features", { ...small, backbone, classes: 3, stage: 4 }));
    expect(await loadPretrained(part, file)).toMatchObject({
      prefix: "mobilenet.",
      missing: [],
      differences: [],
    });
  });

  it("is refused by finetune with what to do, which helps", async () => {
    const tuning = finetune("mobilenet_v3_small", { classes: 3, inputShape: [32, 32, 3] });
    const untouched = memoryTarget(tuning.model);
    await expect(tuning.load(untouched, file)).rejects.toThrow(
      /features\.0\.1 has the eps 0\.00001, the model has 0\.001; .* and 30 more layers — make it with norm: \{ eps: 0\.00001 \}/,
    );
    expect(untouched.values.size).toBe(0);
    const like = finetune({ name: "mobilenet_v3_small", norm }, { classes: 3, inputShape: [32, 32, 3] });
    const { missing, mismatched } = await like.load(memoryTarget(like.model), file);
    expect([missing, mismatched]).toEqual([["classifier.3.weight", "classifier.3.bias"], []]);
  });
});

describe("ONNX files", () => {
  const backbone = { name: "resnet18", width: 4 } as const;
  const whole = createModel("resnet18", { inputShape: [32, 32, 3], classes: 7, width: 4 });
  const weights = seededWeights(whole, 3);
  const file = exportOnnx(whole, weights);

  it("of ours go into a backbone, whatever the file is called; the rest is listed", async () => {
    const target = memoryTarget(createModel("features", { inputShape: [32, 32, 3], backbone, stage: 2 }));
    const { loaded, ...report } = await loadPretrained(target, new File([file], "weights.safetensors"));
    const inStages = [...weights.keys()].filter((name) => /^(conv1|bn1|layer[12])\./.test(name));
    expect(loaded.toSorted()).toEqual(inStages.map((name) => `resnet.${name}`).toSorted());
    expect(report).toMatchObject({ prefix: "resnet.", mismatched: [], differences: [] });
    expect(report.unexpected).toContain("fc.weight");
    expect(report.unexpected.filter((name) => !/^(layer[34]|fc)\./.test(name))).toEqual([]);
    for (const name of inStages) expect(held(target).get(`resnet.${name}`)).toEqual(weights.get(name));
  });

  it("of another tool go into a network of their names, from an address too", async () => {
    const { model, weights } = importOnnx(bytesOf("onnx/resnet.onnx"));
    for (const source of [bytesOf("onnx/resnet.onnx"), urlOf("onnx/resnet.onnx")]) {
      const target = memoryTarget(model);
      let progress: number[] = [];
      const onProgress = (...now: number[]) => {
        progress = now;
      };
      expect(await loadPretrained(target, source, { onProgress })).toMatchObject({ prefix: "", ...all });
      expect(held(target)).toEqual(weights);
      const { length } = bytesOf("onnx/resnet.onnx");
      expect(progress).toEqual([length, length]);
    }
  });

  it("may leave the size of images open, and are adapted to grey ones", async () => {
    const content = decodeOnnx(file, "file");
    const tensors = [...content.tensors].map(
      ([name, tensor]) => [name, { shape: tensor.shape, data: tensor.floats() }] as const,
    );
    const inputs = [{ name: "images", shape: ["N", 3, "H", "W"] }];
    const open = encodeOnnx({ ...content, name: "open", inputs, tensors: new Map(tensors) });
    const target = memoryTarget(createModel("resnet18", { inputShape: [28, 28, 1], classes: 7, width: 4 }));
    expect(await loadPretrained(target, open)).toMatchObject({
      ...all,
      adapted: [{ name: "conv1.weight", from: [4, 3, 7, 7], to: [4, 1, 7, 7] }],
    });
  });

  it("of other strides, paddings or eps are reported, and refused by finetune", async () => {
    const other = createModel("resnet50", { inputShape: [32, 32, 3], classes: 7, width: 4, stride: "v1" });
    const v1 = exportOnnx(other, seededWeights(other, 3));
    const target = memoryTarget(createModel("resnet50", { inputShape: [32, 32, 3], classes: 7, width: 4 }));
    const report = await loadPretrained(target, v1);
    const differ = (name: string, expected: number, got: number) => ({
      ...{ name, option: "stride", expected: [expected, expected], got: [got, got] },
    });
    expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    expect(report.differences).toEqual(
      [2, 3, 4].flatMap((stage) => [
        differ(`layer${stage}.0.conv1`, 1, 2),
        differ(`layer${stage}.0.conv2`, 2, 1),
      ]),
    );
    const tuning = finetune({ name: "resnet50", width: 4 }, { classes: 7, inputShape: [32, 32, 3] });
    const untouched = memoryTarget(tuning.model);
    await expect(tuning.load(untouched, v1)).rejects.toThrow(
      "layer2.0.conv1 has the stride 2, 2, the model has 1, 1",
    );
    expect(untouched.values.size).toBe(0);

    const loose = createModel("resnet18", {
      ...{ inputShape: [32, 32, 3], classes: 7, width: 4, padded: "same", norm: { eps: 1e-3 } },
    });
    const { differences } = await loadPretrained(memoryTarget(loose), file);
    expect(differences).toContainEqual({
      ...{ name: "conv1", option: "padding", expected: [2, 3, 2, 3], got: [3, 3, 3, 3] },
    });
    expect(differences).toContainEqual({ name: "bn1", option: "eps", expected: [1e-3], got: [1e-5] });
  });

  it.each([
    ["resnet20", { width: 4 }, 21],
    ["resnet18", { width: 4, convBias: true }, 20],
    ["vgg11_bn", { width: 4, hidden: 8 }, 8],
  ])(
    "of a %s whose norms were folded away give its outputs in one that has them",
    async (name, options, norms) => {
      const original = createModel(name, { inputShape: [32, 32, 3], classes: 7, ...options });
      const given = seededWeights(original, 3);
      const whole = exportOnnx(original, given);
      const folded = foldNorms(importOnnx(whole));
      expect(folded.model.options.layers).not.toContainEqual(expect.objectContaining({ type: "batch_norm" }));
      const target = memoryTarget(original);
      const report = await loadPretrained(target, exportOnnx(folded.model, folded.weights));
      expect(report).toMatchObject({ ...all, unfolded: expect.anything() });
      expect(report.unfolded.length).toBe(norms);
      const images = someImages([2, 32, 32, 3]);
      const expected = await runOnnx(whole, images, [2, 32, 32, 3]);
      const actual = await runOnnx(exportOnnx(original, held(target)), images, [2, 32, 32, 3]);
      expect(relativeError(actual, expected)).toBeLessThan(1e-5);
    },
  );

  it("whose norms were folded away go into a part of a model, which has a conv1 of its own", async () => {
    const folded = foldNorms(importOnnx(file));
    const target = memoryTarget(createModel("features", { inputShape: [32, 32, 3], backbone, stage: 1 }));
    const report = await loadPretrained(target, folded.weights);
    const norms = ["bn1", "layer1.0.bn1", "layer1.0.bn2", "layer1.1.bn1", "layer1.1.bn2"];
    expect(report.unfolded).toEqual(norms.map((name) => `resnet.${name}`));
    expect([report.missing, target.values.has("conv1.weight")]).toEqual([[], false]);
    expect(target.values.get("resnet.bn1.bias")).toEqual(folded.weights.get("conv1.bias")!.data);
  });

  it("fit finetune where they are of its backbone", async () => {
    const tuning = finetune(backbone, { classes: 2, inputShape: [32, 32, 3] });
    const report = await tuning.load(memoryTarget(tuning.model), file);
    expect(report).toMatchObject({
      ...{ missing: ["fc.weight", "fc.bias"], unexpected: [], mismatched: [], unfolded: [] },
    });
  });
});

/** The same network with its batch norms folded into the convolutions, as exporters do it. */
function foldNorms({ model, weights }: { model: Model; weights: NamedWeights }) {
  const layers: NetworkLayer[] = [];
  const folded = new Map(weights);
  for (const layer of model.options.layers as readonly NetworkLayer[]) {
    const at = layers.findIndex(({ to }) => to === layer.from[0]);
    const conv = layers[at];
    if (layer.type !== "batch_norm" || conv?.type !== "conv2d") {
      layers.push(layer);
      continue;
    }
    const values = (name: string) => weights.get(name)!.data;
    const part = (key: string) => values(`${layer.name}.${key}`);
    const scale = part("weight").map((gamma, k) => gamma / Math.sqrt(part("running_var")[k]! + layer.eps));
    const { shape, data } = weights.get(`${conv.name}.weight`)!;
    const each = data.length / scale.length;
    const had = conv.bias ? values(`${conv.name}.bias`) : new Float32Array(scale.length);
    const bias = scale.map((s, k) => part("bias")[k]! + s * (had[k]! - part("running_mean")[k]!));
    for (const key of ["weight", "bias", "running_mean", "running_var"])
      folded.delete(`${layer.name}.${key}`);
    folded.set(`${conv.name}.weight`, { shape, data: data.map((v, i) => v * scale[Math.floor(i / each)]!) });
    folded.set(`${conv.name}.bias`, { shape: [scale.length], data: bias });
    const { activation } = layer;
    if (layer.from.length > 1) {
      layers[at] = { ...conv, bias: true };
      layers.push({ type: "add", from: layer.from, to: layer.to, ...(activation && { activation }) });
    } else layers[at] = { ...conv, bias: true, to: layer.to, ...(activation && { activation }) };
  }
  const { inputShape } = model;
  return { model: network({ inputShape, layers }), weights: folded };
}

describe("Keras models, by the address of their model.json", () => {
  const expected: KerasExpected = JSON.parse(readFileSync(fixture("keras/resnet50/expected.json"), "utf8"));
  const [, ...inputShape] = expected.shape;

  it("go into a backbone of their conventions, which gives what TensorFlow.js gives", async () => {
    const { model } = await importKeras(urlOf("keras/resnet50/model.json"));
    const { classes } = model;
    const preprocessing = caffePreprocessing(inputShape);
    const options = { inputShape, classes, preprocessing, width: 4, ...KERAS_RESNET };
    const target = memoryTarget(createModel("resnet50", options));
    let progress: number[] = [];
    const report = await loadPretrained(target, urlOf("keras/resnet50/model.json"), {
      onProgress: (...now) => {
        progress = now;
      },
    });
    expect(report).toMatchObject({ prefix: "", ...all });
    expect(report.preprocessing).toBeUndefined();
    expect(progress[0]).toBe(progress[1]);
    const file = exportOnnx(target.model, held(target), { probabilities: true });
    const output = await runOnnx(file, kerasImages(expected.shape), expected.shape);
    expect(relativeError(output, expected.output)).toBeLessThan(1e-5);
  });

  it("of another variant are loaded with all that differs listed", async () => {
    const target = memoryTarget(
      createModel("features", { inputShape, backbone: { name: "resnet50", width: 4 }, stage: 2 }),
    );
    const file = urlOf("keras/resnet50/model.json");
    await expect(loadPretrained(target, file)).rejects.toThrow(
      "fits resnet.* of features only by half: the model lacks conv1.bias, layer1.0.conv1.bias",
    );
    expect(target.values.size).toBe(0);
    const report = await loadPretrained(target, file, { strict: false });
    expect(report).toMatchObject({ prefix: "resnet.", missing: [], mismatched: [] });
    expect(report.unexpected).toContain("layer1.0.conv1.bias");
    expect(report.differences.map(({ name, option }) => `${name} ${option}`)).toEqual([
      "resnet.layer2.0.conv1 stride",
      "resnet.layer2.0.conv2 stride",
    ]);
    expect(report.preprocessing).toMatchObject({ mode: "caffe", mean: [103.939, 116.779, 123.68] });
  });

  it("are read from all their files too", async () => {
    const files = readdirSync(fixture("keras/resnet50"))
      .filter((name) => name !== "expected.json")
      .map((name) => new File([bytesOf(`keras/resnet50/${name}`)], name));
    expect(files.length).toBeGreaterThan(1);
    const { model } = await importKeras(urlOf("keras/resnet50/model.json"));
    const options = { inputShape, classes: model.classes, width: 4, ...KERAS_RESNET };
    const [here, there] = [
      memoryTarget(createModel("resnet50", options)),
      memoryTarget(createModel("resnet50", options)),
    ];
    await loadPretrained(
      here,
      files.map((file) => (file.name === "model.json" ? new File([file], "resnet.json") : file)),
    );
    await loadPretrained(there, urlOf("keras/resnet50/model.json"));
    expect(here.values).toEqual(there.values);
  });

  it("cannot be read from the model.json alone", async () => {
    const alone = loadPretrained(memoryTarget(tinyResnet()), bytesOf("keras/vgg16/model.json"), {
      name: "m",
    });
    await expect(alone).rejects.toThrow("m: is JSON, which only refers to other files; give its address, or");
  });
});

describe("what a file is", () => {
  it("shows in its content: the index of safetensors", async () => {
    const target = memoryTarget(tinyResnet());
    const report = await loadPretrained(target, urlOf("weights/resnet.safetensors.index.json"));
    expect(report).toMatchObject({ prefix: "", ...all });
    const names = ["resnet.safetensors.index.json", "shard-1.safetensors", "shard-2.safetensors"];
    const files = names.map((name) => new File([weightsFixture(name)], name));
    const local = memoryTarget(tinyResnet());
    expect(await loadPretrained(local, files)).toMatchObject({ prefix: "", ...all });
    expect(local.values).toEqual(target.values);
    await expect(loadPretrained(local, files.slice(0, 2))).rejects.toThrow(
      "resnet.safetensors.index.json: the file shard-2.safetensors is missing",
    );
  });

  /** How a zip file begins. */
  const zip = (part: string) => text(`PK\x03\x04${"\0".repeat(26)}${part}`);
  const text = (content: string) => Uint8Array.from(content, (c) => c.charCodeAt(0));
  it.each([
    [
      "PyTorch's own",
      text("PK\x03\x04 and the rest"),
      /w: is a zip file, as PyTorch .* save the weights as safe/,
    ],
    ["Keras' own", text("\x89HDF\r\n\x1a\n and the rest"), /w: is an HDF5 file, as Keras/],
    ["what Git has instead", text("version https://git-lfs.github.com/spec/v1"), /a Git LFS pointer/],
    ["a page about it", text("<!DOCTYPE html><html></html>"), /a web page instead of the file/],
    ["nothing", new Uint8Array(), /w: is empty/],
    [
      "an old file of PyTorch",
      text("\x80\x02\x8a\nl\xfc\x9cF\xf9 j"),
      /is a pickle, as PyTorch .*torch.load/,
    ],
    ["a new one", zip("archive/data.pkl"), /w: is a file of PyTorch; .*save_file/],
    ["a traced one", zip("net/data/0"), /w: is a TorchScript file; .*torch.jit.load/],
    ["NumPy's tensors with slashes", zip("block/0/w.npy"), /is an .npz file of NumPy/],
    ["an archive", text("\x1f\x8b\x08\0"), /is a gzip archive; unpack it/],
    ["NumPy's tensors", zip("conv1.npy"), /is an .npz file of NumPy; .*safetensors.numpy/],
    ["NumPy's tensor", text("\x93NUMPY\x01\0"), /is an .npy file/],
    ["a file of Keras 3", zip("metadata.json"), /is a .keras file; .*tensorflowjs_converter/],
    ["a language model", text("GGUF\x03\0\0\0"), /is a GGUF file/],
    ["TensorFlow Lite", text("\x1c\0\0\0TFL3 and the rest"), /is a TensorFlow Lite file; .*tf2onnx/],
    ["a page after a mark", text("\xef\xbb\xbf\n<html>"), /a web page/],
    ["a hub's answer", text("Entry not found"), /a server's answer instead/],
    [
      "a hub's answer in JSON",
      text('{"error":"Invalid username"}'),
      /answer instead of the file, "Invalid user/,
    ],
    ["zeros", new Uint8Array(64), /neither safetensors/],
    ["some JSON", text('{ "layers": [] }'), /w: is JSON, which only refers to other files/],
    ["a list", text("[1, 2, 3, 4, 5, 6]"), /neither safetensors/],
    ["half a JSON file", text('{ "weight_map": '), /w is not JSON/],
    ["the beginning of an ONNX file", bytesOf("onnx/resnet.onnx").subarray(0, 20), /^w: /],
    ["half of a safetensors file", weightsFixture("vgg-timm.safetensors").subarray(0, 100), /cut short/],
  ])("is said of %s", async (_, source, message) => {
    const loading = loadPretrained(memoryTarget(tinyResnet()), source, { name: "w" });
    await expect(loading).rejects.toThrow(WeightsError);
    await expect(loading).rejects.toThrow(message);
  });
});

it("what else a file is, importOnnx and openSafetensors say as well", async () => {
  for (const [content, message] of [
    ["", /is empty/],
    ['{"error":"Invalid username"}', /is JSON instead of the file, such as a server's answer/],
    ["<!DOCTYPE html><html></html>", /is a web page/],
    ["version https://git-lfs.github.com/spec/v1", /is a Git LFS pointer/],
  ] as const) {
    const file = Uint8Array.from(content, (c) => c.charCodeAt(0));
    expect(() => importOnnx(file)).toThrow(message);
    await expect(openSafetensors(file)).rejects.toThrow(message);
  }
});

describe("the command line's server", () => {
  const at = (path: string) => fetch(`${server.url}weights/${path}`);

  it("gives files of weights, and those that an index names", async () => {
    const { status, headers } = await at("0/model.json");
    expect([status, headers.get("accept-ranges")]).toEqual([200, "bytes"]);
    expect((await at("0/group1-shard2of3.bin")).status).toBe(200);
    expect((await at("2/shard-1.safetensors")).status).toBe(200);
  });

  it.each([
    "0/expected.json",
    "0/group1-shard1of9.bin",
    "0/..%2Fvgg16%2Fmodel.json",
    "0/..%2F..%2F..%2F..%2F..%2Fpackage.json",
    "1/group1-shard1of3.bin",
    "3/vgg.onnx",
    "4/README.md",
    "9/model.json",
    "0",
  ])("gives nothing else: %s", async (path) => {
    expect((await at(path)).status).toBe(404);
  });
});

it("the command line says what became of a file, by name", async () => {
  const colour = createModel("resnet20", { inputShape: [32, 32, 3], classes: 7, width: 4, padded: "same" });
  const target = memoryTarget(createModel("resnet20", { inputShape: [32, 32, 1], classes: 5, width: 4 }));
  const report = await loadPretrained(target, exportOnnx(colour, seededWeights(colour, 3)));
  let text = "";
  new LineReporter((line) => {
    text += line;
  }).event({ type: "weights", file: "a.onnx", ...report });
  expect(text.trimEnd().split("\n")).toEqual([
    "a.onnx: 105 of 107 weights loaded",
    "  1 adapted to the model's channels: conv1.weight (4, 3, 3, 3) to (4, 1, 3, 3)",
    "  2 skipped for their shapes: fc.weight (7, 16) for (5, 16), fc.bias (7) for (5)",
    "  2 computed differently in the file: layer2.0.conv1 (padding 0, 1, 0, 1 instead of 1, 1, 1, 1), " +
      "layer3.0.conv1 (padding 0, 1, 0, 1 instead of 1, 1, 1, 1)",
  ]);
});

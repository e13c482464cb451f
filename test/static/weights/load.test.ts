/** Loading files of an outside tool into models, under the names of three sources, and saving them. */
import { describe, expect, it } from "vitest";
import { NonFiniteError, WeightsError } from "../../../src/base/errors.ts";
import { createModel } from "../../../src/models/index.ts";
import { openSafetensors, type WeightsFile } from "../../../src/weights/file.ts";
import { fileShape, toFile } from "../../../src/weights/layout.ts";
import { loadWeights, saveWeights } from "../../../src/weights/load.ts";
import { matchNames } from "../../../src/weights/names.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/weights/safetensors.ts";
import {
  memoryTarget,
  numpy,
  sumsOf,
  tinyResnet,
  tinyVgg,
  weightsFixture,
} from "../../support/data/weights.ts";

type Target = ReturnType<typeof memoryTarget>;

/** Sums over what a model holds, in the files' order. */
const held = ({ weights, values }: Target, prefix = "") =>
  Object.fromEntries(
    weights
      .filter(({ name }) => values.has(name))
      .map((weight) => [weight.name.slice(prefix.length), sumsOf(toFile(weight, values.get(weight.name)!))]),
  );

const resnetFile = weightsFixture("resnet-torchvision.safetensors");

type Shapes = Readonly<Record<string, readonly number[]>>;
const networks = JSON.parse(new TextDecoder().decode(weightsFixture("names.json"))) as Readonly<
  Record<string, Readonly<Record<string, Shapes | "torchvision">>>
>;

describe("loadWeights", () => {
  it.each([
    "resnet-torchvision",
    "resnet-torchvision-f16",
    "resnet-torchvision-bf16",
    "resnet-torchvision-f64",
    "resnet-wrapped",
    "resnet-transformers",
  ])("loads all of %s", async (name) => {
    const target = memoryTarget(tinyResnet());
    const report = await loadWeights(target, weightsFixture(`${name}.safetensors`));
    expect(held(target)).toEqual(numpy.resnet);
    expect(report).toEqual({
      loaded: target.weights.map((weight) => weight.name),
      missing: [],
      unexpected: [],
      mismatched: [],
      adapted: [],
    });
  });

  it.each(["vgg-torchvision", "vgg-timm"])("loads all of %s", async (name) => {
    const target = memoryTarget(tinyVgg);
    await loadWeights(target, weightsFixture(`${name}.safetensors`));
    expect(held(target)).toEqual(numpy.vgg);
  });

  it.each(["resnet-torchvision", "resnet-wrapped", "resnet-transformers"])(
    "loads %s into a part of a model",
    async (name) => {
      const target = memoryTarget(tinyResnet({ prefix: "backbone." }));
      await loadWeights(target, weightsFixture(`${name}.safetensors`), { prefix: "backbone." });
      expect(held(target, "backbone.")).toEqual(numpy.resnet);
    },
  );

  it("takes from a whole network what a part of a model has of it", async () => {
    const whole = memoryTarget(tinyResnet({ prefix: "backbone." }));
    const cut = { ...whole, weights: whole.weights.filter(({ name }) => !/layer2|fc/.test(name)) };
    const { unexpected, loaded } = await loadWeights(cut, resnetFile, { prefix: "backbone." });
    expect(loaded.length).toBe(cut.weights.length);
    expect(unexpected.filter((name) => !/^(layer2|fc)\./.test(name))).toEqual([]);
    expect(unexpected.length).toBe(15 + 2);
    const wrong = weightsFixture("resnet-wrong.safetensors");
    await expect(loadWeights(cut, wrong, { prefix: "backbone." })).rejects.toThrow(
      "backbone.layer1.0.conv2.weight (4, 4, 3, 3) is missing",
    );
  });

  // The published networks and the topologies that have them as parts, against real names and shapes.
  it.each([
    ["resnet18", "resnet18", "transformers", ""],
    ["resnet50", "resnet50", "transformers", ""],
    ["vgg16", "vgg16", "timm", ""],
    ["vgg16_bn", "vgg16_bn", "timm", ""],
    ["sequential", "resnet50", "transformers", "resnet."],
    ["features", "resnet50", "torchvision", "resnet."],
    ["fusion", "resnet50", "torchvision", "resnet."],
    ["fusion", "vgg16", "timm", "vgg."],
  ])("fits %s: %s of %s", async (topology, network, library, prefix) => {
    const { weights } = memoryTarget(createModel(topology));
    const target = { weights, variables: { write: () => {}, read: async () => [] } };
    const shapes = networks[network]![library] as Shapes;
    const asked: string[] = [];
    const file: WeightsFile = {
      name: network,
      tensors: new Map(Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }])),
      metadata: {},
      read: (names) => {
        asked.push(...names);
        return Promise.reject(new WeightsError("nothing is read here"));
      },
    };
    // What fits is asked for; what does not is listed instead.
    await expect(loadWeights(target, file, { prefix })).rejects.toThrow("nothing is read here");
    expect(asked.length).toBe(weights.filter(({ name }) => name.startsWith(prefix)).length);
  });

  it("loads a model with parts from a file of its own names", async () => {
    const source = memoryTarget(tinyResnet({ prefix: "resnet." }));
    await loadWeights(source, resnetFile, { prefix: "resnet." });
    const target = memoryTarget(tinyResnet({ prefix: "resnet." }));
    await loadWeights(target, await saveWeights(source));
    expect(held(target, "resnet.")).toEqual(numpy.resnet);
  });

  it("lists all that does not fit by name and shape, and changes nothing", async () => {
    const target = memoryTarget(tinyResnet());
    const loading = loadWeights(
      target,
      new File([weightsFixture("resnet-wrong.safetensors")], "wrong.safetensors"),
    );
    await expect(loading).rejects.toThrow(WeightsError);
    await expect(loading).rejects.toThrow(
      "wrong.safetensors does not fit the model: " +
        "fc.weight is (7, 6), the model has (5, 6); fc.bias is (7), the model has (5); " +
        "layer1.0.conv2.weight (4, 4, 3, 3) is missing; extra.weight (2, 2) is not in the model",
    );
    expect(target.values.size).toBe(0);
  });

  it("reports it instead when not strict, and loads the rest", async () => {
    const target = memoryTarget(tinyResnet());
    const wrong = weightsFixture("resnet-wrong.safetensors");
    const { loaded, ...report } = await loadWeights(target, wrong, { strict: false });
    expect(report).toEqual({
      missing: ["layer1.0.conv2.weight"],
      unexpected: ["extra.weight"],
      mismatched: [
        { name: "fc.weight", expected: [5, 6], got: [7, 6] },
        { name: "fc.bias", expected: [5], got: [7] },
      ],
      adapted: [],
    });
    const { "fc.weight": _, "fc.bias": __, "layer1.0.conv2.weight": ___, ...rest } = numpy.resnet;
    expect(held(target)).toEqual(rest);
    expect(loaded).toEqual(Object.keys(held(target)));
  });

  it("leaves a head of other classes alone, or to `map`", async () => {
    const reported = memoryTarget(tinyResnet({ classes: 3 }));
    const { mismatched } = await loadWeights(reported, resnetFile, { strict: false });
    expect(mismatched.map(({ name }) => name)).toEqual(["fc.weight", "fc.bias"]);
    const renamed = memoryTarget(tinyResnet());
    const { unexpected, missing } = await loadWeights(renamed, resnetFile, {
      strict: false,
      map: (name) => (name === "fc.bias" ? "head.bias" : name === "fc.weight" ? undefined : name),
    });
    expect([unexpected, missing]).toEqual([["fc.bias"], ["fc.weight", "fc.bias"]]);
  });

  it("does not pass over a file of which nothing fits, and says what may be meant", async () => {
    const target = memoryTarget(tinyResnet({ prefix: "backbone." }));
    await expect(loadWeights(target, resnetFile, { strict: false })).rejects.toThrow(
      'it may be for a part of the model: try { prefix: "backbone." }',
    );
    await expect(loadWeights(target, resnetFile, { prefix: "resnet." })).rejects.toThrow(
      'no weight of the model begins with "resnet."',
    );
    await expect(
      loadWeights(target, weightsFixture("vgg-timm.safetensors"), { strict: false }),
    ).rejects.toThrow(WeightsError);
  });

  it("changes nothing where the source fails on the way", async () => {
    const target = memoryTarget(tinyResnet());
    const file = await openSafetensors(resnetFile);
    const failing = { ...file, read: () => Promise.reject(new WeightsError("gone")) };
    await expect(loadWeights(target, failing)).rejects.toThrow("gone");
    expect(target.values.size).toBe(0);
  });

  it("refuses a weight that is stored as integers", async () => {
    const target = memoryTarget(tinyResnet());
    const integers = encodeSafetensors(new Map([["fc.bias", { shape: [5], data: new BigInt64Array(5) }]]));
    await expect(loadWeights(target, integers, { strict: false })).rejects.toThrow("fc.bias: must be F32");
  });
});

describe("matchNames", () => {
  const resnet = new Set(Object.keys(numpy.resnet));

  it.each([
    ["resnet-torchvision", resnet, "torchvision", ""],
    ["resnet-wrapped", resnet, "torchvision", "module."],
    ["resnet-transformers", resnet, "transformers", "resnet."],
    ["vgg-torchvision", new Set(Object.keys(numpy.vgg)), "torchvision", ""],
    ["vgg-timm", new Set(Object.keys(numpy.vgg)), "timm", ""],
  ])("knows the names of %s", async (name, wanted, convention, prefix) => {
    const { tensors } = await openSafetensors(weightsFixture(`${name}.safetensors`));
    const match = matchNames([...tensors.keys()], wanted);
    expect(match).toMatchObject({ convention, prefix });
    expect(match.unexpected.filter((left) => !left.endsWith("num_batches_tracked"))).toEqual([]);
  });

  const libraries = Object.entries(networks).flatMap(([network, { torchvision, ...others }]) =>
    Object.entries(others).map(([library, shapes]) => {
      const ours = torchvision as Shapes;
      return [library, network, shapes === "torchvision" ? ours : shapes, ours] as const;
    }),
  );

  it.each(libraries)("knows every name that %s has for %s", (library, _, theirs, ours) => {
    const { names, unexpected } = matchNames(Object.keys(theirs), new Set(Object.keys(ours)));
    expect(unexpected).toEqual([]);
    const missing = Object.keys(ours).filter((name) => !names.has(name));
    expect(missing).toEqual(library.endsWith("no head") ? ["fc.weight", "fc.bias"] : []);
    const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    for (const [name, from] of names) {
      // A classifier of convolutions has the same numbers in another shape.
      const compare = from.startsWith("pre_logits.") ? size : (shape: readonly number[]) => shape;
      expect(compare(theirs[from]!), name).toEqual(compare(ours[name]!));
    }
  });

  it("translates those of a bottleneck block, with and without a prefix", () => {
    const block = "encoder.stages.3.layers.11";
    const theirs = [
      "embedder.embedder.convolution.weight",
      `${block}.layer.2.convolution.weight`,
      `${block}.layer.2.normalization.running_var`,
      `${block}.shortcut.convolution.weight`,
      `${block}.shortcut.normalization.bias`,
    ];
    const ours = [
      "conv1.weight",
      "layer4.11.conv3.weight",
      "layer4.11.bn3.running_var",
      "layer4.11.downsample.0.weight",
      "layer4.11.downsample.1.bias",
    ];
    for (const prefix of ["", "resnet.", "model.resnet."]) {
      const names = theirs.map((name) => prefix + name);
      expect([...matchNames(names, new Set(ours)).names]).toEqual(ours.map((name, i) => [name, names[i]]));
    }
  });

  it("does not take one tensor for two", () => {
    const { names, unexpected } = matchNames(
      ["fc.weight", "classifier.1.weight", "conv1.weight"],
      new Set(["fc.weight"]),
    );
    expect([...names]).toEqual([["fc.weight", "fc.weight"]]);
    expect(unexpected).toEqual(["classifier.1.weight", "conv1.weight"]);
    expect(matchNames([], new Set(["fc.weight"])).names.size).toBe(0);
  });
});

describe("saveWeights", () => {
  const loaded = async (): Promise<Target> => {
    const target = memoryTarget(tinyResnet());
    await loadWeights(target, resnetFile);
    return target;
  };

  it("writes the tensors of the file that was loaded, batch counts included", async () => {
    const { tensors, metadata } = decodeSafetensors(
      await saveWeights(await loaded(), { metadata: { note: "x" } }),
      "saved",
    );
    const original = decodeSafetensors(resnetFile, "fixture").tensors;
    expect(metadata).toEqual({ format: "pt", note: "x" });
    expect([...tensors.keys()].sort()).toEqual([...original.keys()].sort());
    for (const [name, { dtype, shape, bytes }] of original) {
      const saved = tensors.get(name)!;
      expect([name, saved.dtype, saved.shape]).toEqual([name, dtype, shape]);
      const zero = name.endsWith("num_batches_tracked");
      expect([...saved.bytes], name).toEqual(zero ? Array(8).fill(0) : [...bytes]);
    }
  });

  it("writes F16 for all but vectors, every tensor aligned", async () => {
    const file = await saveWeights(await loaded(), { dtype: "F16" });
    for (const [name, { dtype, shape, bytes }] of decodeSafetensors(file, "saved").tensors) {
      expect([name, dtype]).toEqual([name, shape.length > 1 ? "F16" : shape.length > 0 ? "F32" : "I64"]);
      expect(bytes.byteOffset % ({ F16: 2, F32: 4 }[dtype] ?? 8), name).toBe(0);
    }
    const again = memoryTarget(tinyResnet());
    await loadWeights(again, file);
    expect(held(again)).toEqual(numpy.resnet);
  });

  it("writes the very file that safetensors' own reader has read", async () => {
    // fixtures/weights/README.md says how that was checked.
    const file = await saveWeights(await loaded(), { dtype: "F16", metadata: { note: "naïve" } });
    expect(Buffer.compare(file, weightsFixture("ours-f16.safetensors"))).toBe(0);
  });

  it("refuses to turn a weight into infinity", async () => {
    const target = await loaded();
    target.values.get("layer1.0.conv1.weight")![3] = -70000;
    await expect(saveWeights(target, { dtype: "F16" })).rejects.toThrow(
      "layer1.0.conv1.weight: -70000 is beyond F16",
    );
  });

  it.each(["F32", "F16"] as const)("writes no NaN or infinity as %s, and names the first", async (dtype) => {
    const target = await loaded();
    target.values.get("layer1.0.conv1.weight")![3] = Number.NaN;
    target.values.get("fc.bias")![1] = Number.NEGATIVE_INFINITY;
    await expect(saveWeights(target, { dtype })).rejects.toThrow(NonFiniteError);
    await expect(saveWeights(target, { dtype })).rejects.toThrow(
      /^saving weights: 2 of \d+ tensors are not finite, so nothing was saved — .*fc\.bias \(-Infinity at 1\)/,
    );
  });

  it("writes a part of a model under its own names", async () => {
    const target = memoryTarget(tinyResnet({ prefix: "backbone." }));
    await loadWeights(target, resnetFile, { prefix: "backbone." });
    expect(await saveWeights(target, { prefix: "backbone." })).toEqual(await saveWeights(await loaded()));
    await expect(saveWeights(target, { prefix: "head." })).rejects.toThrow('begins with "head."');
  });

  it("has the shapes that PyTorch has", async () => {
    const { weights } = await loaded();
    const shapes = Object.fromEntries(weights.map((weight) => [weight.name, fileShape(weight)]));
    expect(shapes).toMatchObject({ "conv1.weight": [4, 3, 7, 7], "fc.weight": [5, 6] });
  });
});

it("takes the plain weights beside an average of them, and lists that", () => {
  const own = ["layer1.0.conv1.weight", "fc.weight"];
  const file = ["ema_model.", "model."].flatMap((prefix) => own.map((name) => prefix + name));
  const { prefix, names, unexpected } = matchNames(file, new Set(own));
  expect([prefix, [...names.values()]]).toEqual(["model.", own.map((name) => `model.${name}`)]);
  expect(unexpected).toEqual(own.map((name) => `ema_model.${name}`));
});

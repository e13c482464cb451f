/** A file that fits by half, as another variant's does, is an error; heads and later stages are not. */
import { describe, expect, it } from "vitest";
import { createModel, inspect, type Model } from "../../../src/models/index.ts";
import { variantOf } from "../../../src/transfer/misfits.ts";
import { loadPretrained } from "../../../src/transfer/pretrained.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { memoryTarget } from "../../support/data/weights.ts";

const small = { inputShape: [32, 32, 3], width: 4, hidden: 8 } as const;
const make = (name: string, options: Readonly<Record<string, unknown>> = {}): Model =>
  createModel(name, { ...small, classes: 7, ...options });
const weightsOf = (name: string): NamedWeights => seededWeights(make(name), 3);

/** With the deep stem and the pooled shortcuts of timm's ResNet-D. */
const withStemOfD = (weights: NamedWeights): NamedWeights => {
  const all = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
  for (const [name, value] of weights) {
    if (name === "conv1.weight") continue;
    all.set(
      name.replace(/downsample\.(\d)/, (_, i) => `downsample.${Number(i) + 1}`),
      value,
    );
  }
  all.set("conv1.0.weight", tensor(2, 3, 3, 3)).set("conv1.3.weight", tensor(2, 2, 3, 3));
  return all.set("conv1.6.weight", tensor(4, 2, 3, 3));
};

const renamed = (weights: NamedWeights, to: (name: string) => string): NamedWeights =>
  new Map([...weights].map(([name, value]) => [to(name), value]));

describe("a file is refused", () => {
  it.each<[string, string, NamedWeights, RegExp]>([
    [
      "resnet18d into resnet18, whose stem it lacks",
      "resnet18",
      withStemOfD(weightsOf("resnet18")),
      /it lacks conv1\.weight, layer2\.0\.downsample\.0\.weight.*; of other shapes are .*; the model lacks layer2\.0\.downsample\.2\.weight.*; it looks like a resnet18d/,
    ],
    [
      "resnet34 into resnet18, though all weights are there",
      "resnet18",
      weightsOf("resnet34"),
      /only by half: the model lacks layer1\.2\.conv1\.weight, .* and \d+ more; it looks like a resnet34/,
    ],
    [
      "the same from a wrapper",
      "resnet18",
      renamed(weightsOf("resnet34"), (n) => `module.${n}`),
      /module\.layer1\.2/,
    ],
    ["resnet18 into resnet34", "resnet34", weightsOf("resnet18"), /it lacks layer1\.2\.conv1\.weight/],
    ["resnet50 into resnet18", "resnet18", weightsOf("resnet50"), /it looks like a resnet50/],
    ["vgg16_bn into vgg16", "vgg16", weightsOf("vgg16_bn"), /it looks like a vgg16_bn/],
    ["vgg13 into vgg11", "vgg11", weightsOf("vgg13"), /it looks like a vgg13/],
  ])("%s", async (_, name, file, message) => {
    const target = memoryTarget(make(name));
    await expect(loadPretrained(target, file)).rejects.toThrow(message);
    await expect(loadPretrained(target, file)).rejects.toThrow("(strict: false; --partial-weights)");
    expect(target.values.size).toBe(0);
    const { loaded } = await loadPretrained(target, file, { strict: false });
    expect(loaded.length).toBeGreaterThan(0);
    expect(target.values.size).toBe(loaded.length);
  });
});

describe("a file is taken", () => {
  it.each<[string, Model, NamedWeights]>([
    ["with another head", make("resnet18", { classes: 3 }), weightsOf("resnet18")],
    [
      "without a head",
      make("resnet18"),
      new Map([...weightsOf("resnet18")].filter(([name]) => !/^fc/.test(name))),
    ],
    ["with other hidden layers of the head", make("vgg11", { hidden: 12 }), weightsOf("vgg11")],
    ["for images of another size", make("vgg11", { inputShape: [64, 64, 3] }), weightsOf("vgg11")],
    [
      "with later stages",
      make("features", { backbone: { name: "resnet18", width: 4 }, stage: 2 }),
      weightsOf("resnet18"),
    ],
    [
      "with later layers of VGG",
      make("features", { backbone: { name: "vgg11", width: 4 }, stage: 2 }),
      weightsOf("vgg11"),
    ],
    [
      "with averages beside its weights",
      make("resnet18"),
      new Map([
        ...renamed(weightsOf("resnet18"), (name) => `ema_model.${name}`),
        ...renamed(weightsOf("resnet18"), (name) => `model.${name}`),
      ]),
    ],
    [
      "with a head beside, as those of GoogLeNet",
      make("resnet18"),
      new Map([...weightsOf("resnet18"), ["aux1.fc.weight", { shape: [2], data: new Float32Array(2) }]]),
    ],
  ])("%s", async (_, model, file) => {
    const { loaded, missing, mismatched } = await loadPretrained(memoryTarget(model), file);
    expect(loaded.length).toBeGreaterThan(3);
    const [bodies] = [
      [...missing, ...mismatched.map(({ name }) => name)].filter((n) => /conv|layer|features\./.test(n)),
    ];
    // What the topology has of its own is not the file's.
    expect(bodies.filter((name) => /^(resnet|vgg)?\.?(layer|features)/.test(name))).toEqual([]);
  });
});

it("variants show in their names", () => {
  for (const name of ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vgg11", "vgg19_bn"])
    expect(variantOf([...weightsOf(name).keys()])).toBe(name);
  for (const name of ["resnet18d", "resnet50d", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1"])
    expect(variantOf(inspect(createModel(name)).parameters.map((parameter) => parameter.name))).toBe(name);
  expect(variantOf([...weightsOf("resnet20").keys()])).toBeUndefined();
});

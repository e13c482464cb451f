/** Files that end in a sigmoid: of one number, a classifier of two classes; of several, labels that do not exclude each other. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { importKeras } from "../../../src/formats/keras/import.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { type KerasExpected, type KerasFiles, kerasImages } from "../../support/models/keras.ts";
import { runOnnx } from "../../support/models/onnx.ts";
import { chain, GraphFile, node } from "../../support/models/onnx-graph.ts";

/** f32 sums in another order. */
const ROUNDING = 1e-5;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const conv = (classes: number) => new GraphFile().input("x", ["N", 3, 5, 4]).conv("x", "c", classes, 3);
const mean = node("GlobalAveragePool", ["c"], "m");
const flat = chain(mean, node("Flatten", ["m"], "f"));
const constant = (name: string, ints: readonly number[]) =>
  node("Constant", [], name, { value_ints: { ints } });

const ENDS: Readonly<Record<string, (classes: number) => GraphFile>> = {
  "Gemm, Sigmoid": (K) =>
    conv(4)
      .append(flat)
      .gemm("f", "g", 4, K)
      .append(chain(node("Sigmoid", ["g"], "y"))),
  "Sigmoid, Cast, Identity": (K) =>
    conv(K)
      .append(flat)
      .append(chain(node("Sigmoid", ["f"], "p"), node("Cast", ["p"], "q", { to: { int: 1 } })))
      .append(chain(node("Identity", ["q"], "y"))),
  "Sigmoid, Flatten": (K) =>
    conv(K).append(chain(mean, node("Sigmoid", ["m"], "p"), node("Flatten", ["p"], "y"))),
  "Sigmoid of (N, K, 1, 1)": (K) => conv(K).append(chain(mean, node("Sigmoid", ["m"], "y"))),
};

const SINGLE_ENDS: Readonly<Record<string, (nodes: GraphFile) => GraphFile>> = {
  "Sigmoid, Squeeze": (file) =>
    file.append(chain(constant("one", [1]), node("Sigmoid", ["f"], "p"), node("Squeeze", ["p", "one"], "y"))),
  "Squeeze of its last axis, Sigmoid": (file) =>
    file.append(
      chain(constant("last", [-1]), node("Squeeze", ["f", "last"], "s"), node("Sigmoid", ["s"], "y")),
    ),
  "Reshape to one axis, Sigmoid": (file) =>
    file.append(
      chain(constant("all", [-1]), node("Reshape", ["f", "all"], "s"), node("Sigmoid", ["s"], "y")),
    ),
};

describe("an ONNX file whose end is", () => {
  const cases = [
    ...Object.entries(ENDS).flatMap(([name, make]) => [1, 3].map((K) => [name, K, () => make(K)] as const)),
    ...Object.entries(SINGLE_ENDS).map(([name, end]) => [name, 1, () => end(conv(1).append(flat))] as const),
  ];
  it.each(cases)("%s, %i numbers, gives the same probabilities when written again", async (name, K, make) => {
    const file = make().finish(
      "y",
      17,
      name in SINGLE_ENDS ? ["N"] : name.includes("1, 1") ? ["N", K, 1, 1] : ["N", K],
    );
    const { model, weights, assumed } = importOnnx(file);
    expect(assumed).toBeUndefined();
    expect([model.classes, model.classifierActivation]).toEqual(K === 1 ? [2, undefined] : [3, "sigmoid"]);
    const shape = [2, ...model.inputShape] as const;
    const images = someImages(shape);
    const [theirs, probabilities, logits] = [
      await runOnnx(file, images, shape),
      await runOnnx(exportOnnx(model, weights, { probabilities: true }), images, shape),
      await runOnnx(exportOnnx(model, weights), images, shape),
    ];
    expect(theirs.length).toBe(2 * K);
    expect(relativeError(probabilities, theirs)).toBeLessThan(ROUNDING);
    expect(relativeError(logits.map(sigmoid), theirs)).toBeLessThan(ROUNDING);
    const again = importOnnx(exportOnnx(model, weights, { probabilities: true }));
    expect([again.model.classes, again.model.classifierActivation]).toEqual([
      model.classes,
      model.classifierActivation,
    ]);
  });

  it("one number without a sigmoid, is of two classes too, and says that this is assumed", () => {
    const { model, weights, assumed } = importOnnx(conv(4).append(flat).gemm("f", "y", 4, 1).finish("y"));
    expect(model.classes).toBe(2);
    expect(assumed).toMatch(
      /one number, without a sigmoid, is taken for the logit of the second of two classes/,
    );
    expect(importOnnx(conv(4).append(flat).gemm("f", "y", 4, 2).finish("y")).assumed).toBeUndefined();
    expect(importOnnx(exportOnnx(model, weights)).model.classes).toBe(2);
  });

  const slope = (op: string) => (op === "HardSigmoid" ? { alpha: { float: 1 / 6 } } : {});
  const sigmoidThen = (pool: string, K: number, of = "Sigmoid") =>
    conv(K).append(
      chain(node(of, ["c"], "p", slope(of)), node(pool, ["p"], "q"), node("Flatten", ["q"], "y")),
    );

  it.each([1, 3])("the maximum of sigmoids, %i numbers, is the sigmoid of the maximum", async (K) => {
    const file = sigmoidThen("GlobalMaxPool", K).finish("y", 17, ["N", K]);
    const { model, weights } = importOnnx(file);
    expect([model.classes, model.classifierActivation]).toEqual(K === 1 ? [2, undefined] : [3, "sigmoid"]);
    const shape = [2, ...model.inputShape] as const;
    const images = someImages(shape);
    const [ours, theirs] = [
      await runOnnx(exportOnnx(model, weights, { probabilities: true }), images, shape),
      await runOnnx(file, images, shape),
    ];
    expect(relativeError(ours, theirs)).toBeLessThan(ROUNDING);
  });

  it.each([
    [
      "the mean of sigmoids",
      sigmoidThen("GlobalAveragePool", 3),
      /global_avg_pool at its end takes the mean of a sigmoid \(p\)/,
    ],
    [
      "the mean of one",
      sigmoidThen("GlobalAveragePool", 1),
      /global_avg_pool at its end takes the mean of a sigmoid \(p\)/,
    ],
    [
      "the mean of hard ones",
      sigmoidThen("GlobalAveragePool", 3, "HardSigmoid"),
      /takes the mean of a hardsigmoid/,
    ],
    ["the maximum of hard ones", sigmoidThen("GlobalMaxPool", 3, "HardSigmoid"), /ends in a hardsigmoid/],
    [
      "a hard sigmoid",
      conv(3).append(
        chain(mean, node("HardSigmoid", ["m"], "p", slope("HardSigmoid")), node("Flatten", ["p"], "y")),
      ),
      /ends in a hardsigmoid/,
    ],
  ])("%s, is refused, since no model here gives it", (_, file, message) => {
    const bytes = file.finish("y", 17, ["N", 3]);
    expect(() => importOnnx(bytes)).toThrow(WeightsError);
    expect(() => importOnnx(bytes)).toThrow(message);
  });

  it("a sigmoid inside stays one", async () => {
    const file = conv(4)
      .append(flat)
      .append(chain(node("Sigmoid", ["f"], "s")))
      .gemm("s", "y", 4, 3);
    const bytes = file.finish("y");
    const { model, weights } = importOnnx(bytes);
    expect(model.classifierActivation).toBeUndefined();
    const shape = [2, ...model.inputShape] as const;
    const images = someImages(shape);
    const [ours, theirs] = [
      await runOnnx(exportOnnx(model, weights), images, shape),
      await runOnnx(bytes, images, shape),
    ];
    expect(relativeError(ours, theirs)).toBeLessThan(ROUNDING);
  });
});

type KerasLayerJson = { class_name: string; config: Record<string, unknown> };

/** A fixture whose dense layer at the end makes 5 numbers; `change` gets its layers, and the weights beside them. */
function small(
  change: (layers: KerasLayerJson[], manifest: { paths: string[]; weights: unknown[] }[]) => void,
): {
  files: KerasFiles;
  expected: KerasExpected;
} {
  const read = (name: string) =>
    readFileSync(new URL(`../../support/fixtures/keras/small/${name}`, import.meta.url));
  const json = JSON.parse(read("model.json").toString());
  const topology = json.modelTopology;
  change((topology.model_config ?? topology).config.layers, json.weightsManifest);
  const files: KerasFiles = new Map([
    ["model.json", new TextEncoder().encode(JSON.stringify(json))],
    ["group1-shard1of1.bin", new Uint8Array(read("group1-shard1of1.bin"))],
  ]);
  return { files, expected: JSON.parse(read("expected.json").toString()) };
}

describe("a Keras model whose end is", () => {
  it.each([
    [
      "Dense with a sigmoid",
      (layers: KerasLayerJson[]) => void Object.assign(layers.at(-1)!.config, { activation: "sigmoid" }),
    ],
    [
      "Activation of a sigmoid",
      (layers: KerasLayerJson[]) =>
        void layers.push({
          class_name: "Activation",
          config: { name: "probabilities", activation: "sigmoid" },
        }),
    ],
  ])("%s, 5 numbers, is of labels: the sigmoid of what TensorFlow.js gives", async (_, change) => {
    const { files, expected } = small(change);
    const { model, weights } = await importKeras(files);
    expect([model.classes, model.classifierActivation]).toEqual([5, "sigmoid"]);
    const { shape, output } = expected;
    const file = exportOnnx(model, weights, { probabilities: true });
    const actual = await runOnnx(file, kerasImages(shape), shape);
    expect(relativeError(actual, output.map(sigmoid))).toBeLessThan(ROUNDING);
  });

  it("a sigmoid of one number, is of two classes", async () => {
    const kernel = Float32Array.of(1, -2, 3, 0.5, -1);
    const bias = 0.25;
    const { files, expected } = small((layers, manifest) => {
      layers.push({ class_name: "Dense", config: { name: "one", units: 1, activation: "sigmoid" } });
      manifest.push({
        paths: ["one.bin"],
        weights: [
          { name: "one/kernel", shape: [5, 1], dtype: "float32" },
          { name: "one/bias", shape: [1], dtype: "float32" },
        ],
      });
    });
    files.set("one.bin", new Uint8Array(Float32Array.of(...kernel, bias).buffer));
    const { model, weights, assumed } = await importKeras(files);
    expect([model.classes, model.classifierActivation, assumed]).toEqual([2, undefined, undefined]);
    const { shape, output } = expected;
    const actual = await runOnnx(
      exportOnnx(model, weights, { probabilities: true }),
      kerasImages(shape),
      shape,
    );
    const logits = [0, 1].map((n) => kernel.reduce((sum, w, k) => sum + w * output[5 * n + k]!, bias));
    expect(relativeError(actual, logits.map(sigmoid))).toBeLessThan(ROUNDING);
  });
});

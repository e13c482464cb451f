import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NonFiniteError, WeightsError } from "../../../src/base/errors.ts";
import { importKeras } from "../../../src/formats/keras/import.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { createModel, inspect, KERAS_RESNET } from "../../../src/models/index.ts";
import { relativeError } from "../../support/data/images.ts";
import { type KerasExpected, type KerasFiles, kerasImages, softmaxRows } from "../../support/models/keras.ts";
import { runOnnx } from "../../support/models/onnx.ts";

const folder = (name: string): URL => new URL(`../../support/fixtures/keras/${name}/`, import.meta.url);

const filesOf = (name: string): KerasFiles =>
  new Map(
    readdirSync(folder(name)).map((file) => [
      file,
      new Uint8Array(readFileSync(new URL(file, folder(name)))),
    ]),
  );

const expectedOf = (name: string): KerasExpected =>
  JSON.parse(readFileSync(new URL("expected.json", folder(name)), "utf8"));

type Json = Record<string, unknown>;

/** A fixture whose model.json is changed as text, and as data. */
function changed(
  name: string,
  inText: (text: string) => string,
  inJson: (json: Json) => unknown = (json) => json,
): KerasFiles {
  const files = filesOf(name);
  const text = inText(new TextDecoder().decode(files.get("model.json") as Uint8Array));
  files.set("model.json", new TextEncoder().encode(JSON.stringify(inJson(JSON.parse(text)))));
  return files;
}

/** What a layer takes, as Keras 3 writes it. */
const call = (layer: string): Json[] => [
  { args: [{ class_name: "__keras_tensor__", config: { keras_history: [layer, 0, 0] } }], kwargs: {} },
];

/** A Functional of one layer, which takes its input "x". */
const functional = (name: string, layer: Json): Json => {
  const input = { class_name: "InputLayer", name: "x", config: { batch_shape: [null, 40, 48, 3] } };
  const config = {
    name,
    layers: [input, layer],
    input_layers: ["x", 0, 0],
    output_layers: [layer.name, 0, 0],
  };
  return { class_name: "Functional", config };
};

const asIs = (text: string): string => text;

/** f32 sums in another order. */
const ROUNDING = 1e-5;

describe("importKeras", () => {
  it.each([
    ["resnet50", true],
    ["vgg16", true],
    ["small", false],
    ["nested", true],
  ])("reads %s so that it gives what TensorFlow.js gives", async (name, softmax) => {
    const { model, weights } = await importKeras(filesOf(name));
    const { shape, output } = expectedOf(name);
    const actual = await runOnnx(
      exportOnnx(model, weights, { probabilities: softmax }),
      kerasImages(shape),
      shape,
    );
    expect(relativeError(actual, output)).toBeLessThan(ROUNDING);
  });

  it("gives ResNet's and VGG's weights torchvision's names, for backbones with Keras' conventions", async () => {
    for (const [name, options] of [
      ["resnet50", { width: 4, ...KERAS_RESNET }],
      ["vgg16", { width: 4, hidden: 16 }],
    ] as const) {
      const { model, weights } = await importKeras(filesOf(name));
      const { inputShape, classes } = model;
      const backbone = createModel(name, { inputShape, classes, ...options });
      const { parameters, states } = inspect(backbone);
      expect([...weights.keys()].sort()).toEqual([...parameters, ...states].map((v) => v.name).sort());
      const { shape, output } = expectedOf(name);
      const logits = await runOnnx(exportOnnx(backbone, weights), kerasImages(shape), shape);
      expect(relativeError(softmaxRows(logits, classes), output)).toBeLessThan(ROUNDING);
      expect(model.preprocessing).toMatchObject({ mode: "caffe", mean: [103.939, 116.779, 123.68] });
    }
  });

  it.each<[string, (base: Json) => Json]>([
    ["a Sequential", (base) => ({ class_name: "Sequential", config: { name: "s", layers: [base] } })],
    [
      "a Functional of a Functional",
      (base) =>
        functional("outer", { ...functional("inner", base), name: "inner", inbound_nodes: call("x") }),
    ],
  ])("names a ResNet's layers the same in %s", async (_, wrapped) => {
    const { model, weights } = await importKeras(filesOf("resnet50"));
    const nested = changed("resnet50", asIs, (json) => {
      const base = { ...(json.modelTopology as Json), name: "resnet50", inbound_nodes: call("x") };
      return { ...json, modelTopology: wrapped(base) };
    });
    const other = await importKeras(nested);
    expect(other.weights).toEqual(weights);
    expect(other.model.preprocessing).toEqual(model.preprocessing);
  });

  it("gives a MobileNetV2's weights torchvision's names", async () => {
    const { weights } = await importKeras(filesOf("mobilenetv2"));
    const names = [...weights.keys()].filter((name) => name.endsWith(".weight"));
    // As torchvision's state_dict has them, in its order.
    const block = (n: number): string[] =>
      ["0.0", "0.1", "1.0", "1.1", "2", "3"].map((part) => `features.${n}.conv.${part}.weight`);
    expect(names).toEqual([
      ...["features.0.0.weight", "features.0.1.weight"],
      ...["0.0", "0.1", "1", "2"].map((part) => `features.1.conv.${part}.weight`),
      ...Array.from({ length: 16 }, (_, i) => block(i + 2)).flat(),
      ...["features.18.0.weight", "features.18.1.weight", "classifier.1.weight"],
    ]);
  });

  it("shows that the stride of another convention loads as well, and is wrong", async () => {
    const { model, weights } = await importKeras(filesOf("resnet50"));
    const { inputShape, classes } = model;
    const options = { inputShape, classes, width: 4, ...KERAS_RESNET, stride: "v1.5" };
    const { shape, output } = expectedOf("resnet50");
    const file = exportOnnx(createModel("resnet50", options), weights, { probabilities: true });
    expect(relativeError(await runOnnx(file, kerasImages(shape), shape), output)).toBeGreaterThan(0.05);
  });

  it("knows the names that Keras had before", async () => {
    const old = (text: string): string =>
      text
        .replaceAll("conv1_conv", "conv1")
        .replaceAll("conv1_bn", "bn_conv1")
        .replaceAll("predictions", "fc1000")
        .replace(/conv(\d)_block(\d)_(\d)_(conv|bn)/g, (_, stage, block, which, kind) => {
          const branch = which === "0" ? "1" : `2${"abc"[which - 1]}`;
          return `${kind === "bn" ? "bn" : "res"}${stage}${"abcdef"[block - 1]}_branch${branch}`;
        });
    const now = await importKeras(filesOf("resnet50"));
    const before = await importKeras(changed("resnet50", old));
    expect(before.weights).toEqual(now.weights);
  });

  it("takes a model as the converter writes it, and nodes as Keras 3 does", async () => {
    const { weights } = await importKeras(filesOf("vgg16"));
    const wrapped = changed("vgg16", asIs, (json) => ({
      ...json,
      modelTopology: { keras_version: "2.13.1", model_config: { ...(json.modelTopology as Json) } },
    }));
    expect((await importKeras(wrapped)).weights).toEqual(weights);
    const nodes = changed("vgg16", (text) =>
      text.replace(
        /\[\[\["(\w+)",0,0,\{\}\]\]\]/g,
        '[{"args":[{"class_name":"__keras_tensor__","config":{"keras_history":["$1",0,0]}}],"kwargs":{}}]',
      ),
    );
    expect((await importKeras(nodes)).weights).toEqual(weights);
  });

  it("ends a network without its top with the mean of its map", async () => {
    const files = changed("vgg16", asIs, (json) => {
      const topology = json.modelTopology as { config: Json };
      const layers = topology.config.layers as { name: string }[];
      topology.config.layers = layers.slice(
        0,
        layers.findIndex(({ name }) => name === "flatten"),
      );
      topology.config.output_layers = [["block5_pool", 0, 0]];
      return json;
    });
    const { model, weights } = await importKeras(files);
    expect(model.classes).toBe(32);
    expect([...weights.keys()].at(-1)).toBe("features.28.bias");
  });

  it("reports the bytes that are there, and stops when told to", async () => {
    const seen: [number, number][] = [];
    await importKeras(filesOf("resnet50"), { onProgress: (...progress) => seen.push(progress) });
    expect(seen).toHaveLength(3);
    expect(seen.at(-1)![0]).toBe(seen.at(-1)![1]);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(importKeras(filesOf("resnet50"), { signal })).rejects.toThrow("enough");
  });
});

describe("malformed Keras models", () => {
  const refused: readonly [string, () => KerasFiles, RegExp][] = [
    ["no JSON", () => new Map([["model.json", Uint8Array.of(1)]]), /model.json is not JSON/],
    [
      "an .h5 file",
      () => new Map([["model.json", Uint8Array.of(0x89, 0x48, 0x44, 0x46)]]),
      /is an HDF5 file, as Keras \(\.h5\) writes; convert it with tensorflowjs_converter --input_format=keras/,
    ],
    ["a missing model.json", () => new Map(), /the file model.json is missing/],
    [
      "a graph model",
      () => changed("small", (t) => t.replace("layers-model", "graph-model")),
      /is a graph model/,
    ],
    [
      "layers that are not read",
      () =>
        changed("small", (t) => t.replaceAll('"ReLU"', '"Lambda"').replaceAll('"Dropout"', '"Attention"')),
      /uses layers that are not read: Attention \("d"\), Lambda \("r"; its function is Python's.*\); replace them/,
    ],
    [
      "layers that are not read, in a model in another",
      () => changed("nested", (t) => t.replace('"Cropping2D"', '"Lambda"')),
      /Lambda \("sequential_1\/model1\/crop"; its function is Python's/,
    ],
    [
      "a model that is applied twice",
      () =>
        changed("resnet50", asIs, (json) => {
          const base = {
            ...(json.modelTopology as Json),
            name: "base",
            inbound_nodes: [...call("x"), ...call("base")],
          };
          return { ...json, modelTopology: functional("twice", base) };
        }),
      /Model "base" is applied 2 times, to share its weights, where each layer can be read only once; give each/,
    ],
    [
      "a model in another that has two inputs",
      () => changed("nested", (t) => t.replace('"class_name":"Conv2D"', '"class_name":"InputLayer"')),
      /the model "sequential_1\/model1" has 2 inputs instead of one/,
    ],
    [
      "models in models without end",
      () =>
        changed("small", asIs, (json) => {
          const nest = (inner: Json, i: number): Json => ({
            class_name: "Sequential",
            config: { name: `m${i}`, layers: [inner] },
          });
          return {
            ...json,
            modelTopology: Array.from({ length: 30 }).reduce<Json>(
              (m, _, i) => nest(m, i),
              json.modelTopology as Json,
            ),
          };
        }),
      /nests more than 16 models/,
    ],
    [
      "a hard sigmoid of Keras 2",
      () => changed("small", (t) => t.replace('"activation":"elu"', '"activation":"hard_sigmoid"')),
      /Conv2D "a" has the activation hard_sigmoid of Keras 2, clip\(0\.2x \+ 0\.5, 0, 1\)/,
    ],
    [
      "another activation",
      () => changed("small", (t) => t.replace('"activation":"elu"', '"activation":"mish"')),
      /Conv2D "a" has the activation "mish"; read are relu, relu6, leaky_relu, elu/,
    ],
    [
      "another clip",
      () => changed("nested", (t) => t.replace('"max_value":6', '"max_value":4')),
      /ReLU "sequential_1\/model1\/Conv1_relu" has max_value 4; read are 6 and none/,
    ],
    [
      "another size",
      () =>
        changed("nested", (t) =>
          t.replace(
            '"class_name":"GaussianNoise","config":{',
            '"class_name":"RandomCrop","config":{"height":4,"width":4,',
          ),
        ),
      /RandomCrop "sequential_1\/model1\/noise" makes 4×4 of 5×4 pixels; leave it out of the model/,
    ],
    [
      "slopes of single pixels",
      () => changed("nested", (t) => t.replace('"shared_axes":[1,2]', '"shared_axes":[1]')),
      /PReLU "sequential_1\/model1\/prelu" has shared_axes \[1\] instead of \[1, 2\]/,
    ],
    [
      "weights of a .keras file",
      () => changed("small", (t) => t.replace('"name":"a/kernel"', '"name":"layers/conv2d/vars/0"')),
      /has its weights without names, as --input_format=keras_keras .*save\("model\.h5"\)/,
    ],
    [
      "channels first",
      () => changed("small", (t) => t.replace("channels_last", "channels_first")),
      /Conv2D "a" has data_format "channels_first" instead of "channels_last"/,
    ],
    [
      "an open size",
      () => changed("small", (t) => t.replace("[null,9,10,2]", "[null,null,10,2]")),
      /inputShape/,
    ],
    [
      "shards elsewhere",
      () => changed("small", (t) => t.replace("group1-", "../group1-")),
      /weightsManifest: \[0\]\.paths\[0\] must be a file beside the model.json — got "\.\.\/group1-/,
    ],
    [
      "absurd filters",
      () => changed("small", (t) => t.replace('"filters":4', '"filters":1e9')),
      /filters 1000000000/,
    ],
    [
      "absurd units",
      () => changed("small", (t) => t.replace('"units":5', '"units":65535')),
      /o\/kernel should be/,
    ],
    [
      "absurd shapes",
      () => changed("small", (t) => t.replace('"shape":[3,3,2,4]', '"shape":[4000000000,4000000000]')),
      /should have 6\.4e\+19 bytes|should have \d+ bytes and have 1276/,
    ],
    [
      "a weight that is missing",
      () => changed("small", (t) => t.replace('"a/kernel"', '"x"')),
      /a\/kernel should.*missing/,
    ],
    [
      "an unknown type",
      () => changed("small", (t) => t.replace('[3,3,2,4],"dtype":"float32"', '[3,3,2,4],"dtype":"string"')),
      /type "string"/,
    ],
    [
      "a cycle",
      () => changed("vgg16", (t) => t.replace('["input_1",0,0,{}]', '["flatten",0,0,{}]')),
      /no layer before it/,
    ],
    [
      "a shard that is cut short",
      () => {
        const files = filesOf("small");
        return files.set("group1-shard1of1.bin", new Uint8Array(1275));
      },
      /group1-shard1of1.bin should have 1276 bytes and have 1275/,
    ],
    [
      "a shard that is missing",
      () => {
        const files = filesOf("vgg16");
        files.delete("group1-shard2of2.bin");
        return files;
      },
      /the file group1-shard2of2.bin is missing/,
    ],
  ];

  it("takes a version that is no text for none", async () => {
    // As deep as JSON may be, which is deeper than texts are made of.
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const files = filesOf("small");
    const text = new TextDecoder().decode(files.get("model.json") as Uint8Array);
    const changed = text.replace(/"keras_version":\s*"[^"]*"/, `"keras_version":${deep}`);
    expect(changed).toContain(deep);
    files.set("model.json", new TextEncoder().encode(changed));
    expect((await importKeras(files)).model.classes).toBeGreaterThan(0);
  });

  it.each(refused)("refuses %s", async (_, files, message) => {
    const result = importKeras(files()).then(() => "is read");
    await expect(result).rejects.toThrow(WeightsError);
    await expect(result).rejects.toThrow(message);
  });

  it.each(["small", "nested", "vgg16"])(
    "refuses %s or reads it soundly, whatever bytes of model.json change",
    async (name) => {
      const files = filesOf(name);
      const json = files.get("model.json") as Uint8Array;
      // Digits and letters, for other files are mostly no JSON.
      const byte = fc.constantFrom(...'0179nxa"[]{},'.split("").map((c) => c.charCodeAt(0)));
      const list = fc.array(fc.tuple(fc.nat(json.length - 1), byte), { minLength: 1, maxLength: 3 });
      await fc.assert(
        fc.asyncProperty(list, async (changes) => {
          const mutated = json.slice();
          for (const [at, value] of changes) mutated[at] = value;
          try {
            const { model, weights } = await importKeras(new Map(files).set("model.json", mutated));
            exportOnnx(model, weights);
          } catch (error) {
            expect([WeightsError, NonFiniteError]).toContain((error as Error).constructor);
          }
        }),
        { numRuns: 400 },
      );
    },
  );

  const shardsOf = (files: KerasFiles): string[] => [...files.keys()].filter((name) => name.endsWith(".bin"));

  it.each(["resnet50", "vgg16", "small"])("refuses %s with a shard of any other length", async (name) => {
    const files = filesOf(name);
    const shards = shardsOf(files);
    const change = fc.tuple(fc.constantFrom(...shards), fc.oneof(fc.nat(70_000), fc.constantFrom(0, 1)));
    await fc.assert(
      fc.asyncProperty(change, async ([shard, length]) => {
        const whole = files.get(shard) as Uint8Array;
        if (length === whole.length) return;
        const other = new Uint8Array(length);
        other.set(whole.subarray(0, length));
        const result = importKeras(new Map(files).set(shard, other));
        await expect(result).rejects.toThrow(WeightsError);
        await expect(result).rejects.toThrow(/should have \d+ bytes and have \d+/);
      }),
      { numRuns: 40 },
    );
  });

  it.each(["resnet50", "vgg16", "small"])("reads %s whatever numbers its shards hold", async (name) => {
    const files = filesOf(name);
    const sound = await importKeras(files);
    const shards = shardsOf(files);
    const byte = fc.tuple(fc.constantFrom(...shards), fc.nat(), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { minLength: 1, maxLength: 20 }), async (changes) => {
        const changed = new Map(files);
        for (const [shard, place, value] of changes) {
          const bytes = (changed.get(shard) as Uint8Array).slice();
          bytes[place % bytes.length] = value;
          changed.set(shard, bytes);
        }
        const { weights } = await importKeras(changed);
        for (const [key, { shape, data }] of sound.weights) {
          expect(weights.get(key)!.shape).toEqual(shape);
          expect(weights.get(key)!.data.length).toBe(data.length);
        }
      }),
      { numRuns: 10 },
    );
  });

  it.each(["small", "nested", "vgg16"])(
    "refuses %s or reads it soundly, whatever numbers and words of model.json change",
    async (name) => {
      const files = filesOf(name);
      const text = new TextDecoder().decode(files.get("model.json") as Uint8Array);
      const tokens = [...text.matchAll(/-?\d[\d.e+-]*|"[^"]*"|[[\]{}]|true|false|null/g)];
      const anything = fc.oneof(
        fc.constantFrom(
          "-1",
          "0",
          "1",
          "1.5",
          "1e9",
          "1e308",
          "9007199254740993",
          "null",
          "[]",
          "{}",
          "true",
        ),
        fc.constantFrom('"float16"', '"Conv2D"', '"same"', '"__proto__"', '"constructor"', '"images"', '""'),
        fc.nat().map(String),
      );
      let total = 0;
      for (const [, bytes] of files) total += (bytes as Uint8Array).length;
      await fc.assert(
        fc.asyncProperty(fc.nat(tokens.length - 1), anything, async (index, word) => {
          const { 0: old, index: at } = tokens[index]!;
          const json = new TextEncoder().encode(text.slice(0, at) + word + text.slice(at + old.length));
          try {
            const { model, weights } = await importKeras(new Map(files).set("model.json", json));
            let numbers = 0;
            for (const { data } of weights.values()) numbers += data.length;
            // No more of them than bytes, of which a quantised one takes at least one; norms may lack two of four.
            expect(numbers).toBeLessThanOrEqual(2 * total);
            exportOnnx(model, weights);
          } catch (error) {
            // The second is the export's: a word may make a weight infinite.
            expect([WeightsError, NonFiniteError]).toContain((error as Error).constructor);
          }
        }),
        { numRuns: 500 },
      );
    },
  );
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NonFiniteError, WeightsError } from "../../../src/base/errors.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import {
  decodeOnnx,
  encodeOnnx,
  type OnnxContent,
  type OnnxNode,
} from "../../../src/formats/onnx/model-proto.ts";
import { MessageWriter } from "../../../src/formats/onnx/protobuf.ts";
import { isNode } from "../../../src/graph/op.ts";
import { ACTIVATIONS } from "../../../src/kernel/constants.gen.ts";
import { toActivation } from "../../../src/layers/activation.ts";
import { createModel, inspect, KERAS_RESNET, type Model } from "../../../src/models/index.ts";
import { type NetworkLayer, network } from "../../../src/models/topologies/network.ts";
import { dropoutOp } from "../../../src/ops/elementwise/dropout.ts";
import { readWeights } from "../../../src/weights/load.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { runOnnx } from "../../support/models/onnx.ts";
import { activate } from "../../support/reference/activation.ts";
import { avgPool2d } from "../../support/reference/pool.ts";

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../../support/fixtures/onnx/${name}.onnx`, import.meta.url)));

const layersOf = (model: Model) => model.options.layers as readonly NetworkLayer[];

/** f32 sums in another order. */
const ROUNDING = 1e-5;

describe("importOnnx", () => {
  it.each([
    ["resnet", 2, false],
    ["folded", 2, false],
    ["vgg", 1, true],
    ["windows", 2, false],
  ])("reads %s.onnx so that, written again, it gives the same", async (name, batch, softmax) => {
    const file = fixture(name);
    const { model, weights } = importOnnx(file);
    const shape = [batch, ...model.inputShape] as const;
    const images = someImages(shape);
    const expected = await runOnnx(file, images, shape);
    expect(expected.length).toBe(batch * model.classes);
    const actual = await runOnnx(exportOnnx(model, weights, { probabilities: softmax }), images, shape);
    expect(relativeError(actual, expected)).toBeLessThan(ROUNDING);
    const again = createModel("network", model.options);
    expect(await runOnnx(exportOnnx(again, weights, { probabilities: softmax }), images, shape)).toEqual(
      actual,
    );
  });

  it("makes one operation of a batch norm, the sum after it and the activation", () => {
    const { model, weights } = importOnnx(fixture("resnet"));
    const [conv, norm, pool] = ["conv2d", "batch_norm", "max_pool2d"];
    const block = [conv, norm, conv, norm];
    expect(layersOf(model).map(({ type }) => type)).toEqual(
      // The second block's shortcut is computed before the sum that its last batch norm takes in.
      [conv, norm, pool, ...block, conv, norm, conv, conv, norm, norm, "global_avg_pool", "dense"],
    );
    const last = layersOf(model).find((layer) => "name" in layer && layer.name === "layer2.0.bn2");
    expect(last).toMatchObject({ type: "batch_norm", activation: "relu", eps: 1e-5, momentum: 0.1 });
    expect(last!.from).toHaveLength(2);
    const first = layersOf(model).find((layer) => "name" in layer && layer.name === "layer1.0.bn1");
    expect(first).toMatchObject({ eps: 1e-3, momentum: 0.01 });
    expect(weights.get("layer2.0.downsample.1.running_var")!.shape).toEqual([9]);
    expect(weights.get("fc.weight")!.shape).toEqual([5, 9]);
  });

  it("finds the names of modules in those of nodes", () => {
    const { weights } = importOnnx(fixture("folded"));
    const layers = ["conv1", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.downsample.0", "fc"];
    expect([...weights.keys()]).toEqual(layers.flatMap((name) => [`${name}.weight`, `${name}.bias`]));
  });

  it("leaves out a softmax at the end, and permutes and transposes no more than it must", () => {
    const { model, weights } = importOnnx(fixture("vgg"));
    expect(layersOf(model).map(({ type }) => type)).toEqual([
      ...["conv2d", "max_pool2d", "conv2d", "max_pool2d", "flatten", "dense", "dropout", "dense"],
    ]);
    const { tensors } = decodeOnnx(fixture("vgg"), "vgg");
    const [theirs, ours] = [tensors.get("fc1/kernel")!.floats(), weights.get("fc1.weight")!];
    expect(ours.shape).toEqual([8, 36]);
    expect(ours.data[1]).toBe(theirs[8]);
    expect(weights.get("features.3.weight")!.data).toEqual(tensors.get("features.3.weight")!.floats());
  });

  it("gives weights that loadWeights takes", async () => {
    const { model, weights } = importOnnx(fixture("resnet"));
    const { parameters, states } = inspect(model);
    const { report, values } = await readWeights([...parameters, ...states], weights, {});
    expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    expect(values.get("bn1.running_var")).toEqual(weights.get("bn1.running_var")!.data);
    // [K, C] there, (C, K) here.
    expect(values.get("fc.weight")![1]).toBe(weights.get("fc.weight")!.data[9]);
  });

  it("lists all operators that it does not read", () => {
    expect(() => importOnnx(fixture("refused"), { source: "a.onnx" })).toThrow(
      new WeightsError(
        'a.onnx: uses operators that are not read: LRN ("v0" and 1 more; train the network with batch norms in their ' +
          'place), com.example.Fancy ("fancy"; replace it in the network and export that again)',
      ),
    );
  });

  it("does not look for weights in other files", () => {
    expect(() => importOnnx(fixture("external"))).toThrow(/"conv.weight" are in another file/);
  });

  it("reads numbers of every type", () => {
    const { tensors } = decodeOnnx(fixture("types"), "types");
    const values = Float32Array.of(0, 1.5, -2, 2 ** -10, -65504, Infinity);
    for (const type of ["FLOAT", "FLOAT16", "DOUBLE", "BFLOAT16"]) {
      for (const how of ["raw", "list"]) {
        const { shape, floats } = tensors.get(`${type} ${how}`)!;
        expect(shape).toEqual([2, 3]);
        // bfloat16 has 8 bits of precision.
        if (type === "BFLOAT16") values[4] = -65536;
        expect(floats(), `${type} ${how}`).toEqual(values);
      }
    }
    for (const type of ["INT64", "INT32"]) {
      for (const how of ["raw", "list"]) {
        expect(tensors.get(`${type} ${how}`)!.ints()).toEqual([3, -1, 2 ** 31 - 1]);
      }
    }
  });
});

describe("exportOnnx", () => {
  const activations = (Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[]).filter(
    (name) => name !== "identity",
  );
  const layers = activations.map((name, i): NetworkLayer => {
    return { type: "activation", activation: name, from: [i === 0 ? "images" : `a${i}`], to: `a${i + 1}` };
  });

  it.each(activations)("writes %s as it is", async (name) => {
    const model = network({
      inputShape: [1, 1, 7],
      layers: [
        { type: "activation", activation: name, from: ["images"], to: "a" },
        { type: "global_avg_pool", keepPixel: false, from: ["a"], to: "b" },
      ],
    });
    const images = Float32Array.of(-3, -1.5, -0.1, 0, 0.1, 1.5, 3);
    const actual = await runOnnx(exportOnnx(model, new Map()), images, [1, 1, 1, 7]);
    const expected = Array.from(images, (x) => activate(x, toActivation(name)));
    expect(relativeError(actual, expected)).toBeLessThan(1e-6);
  });

  it("writes an average over padding that counts but for what ceilMode adds", async () => {
    const window = { kernelSize: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] } as const;
    const options = { ...window, ceilMode: true, countIncludePad: true };
    const layers: readonly NetworkLayer[] = [
      { type: "avg_pool2d", ...options, from: ["images"], to: "a" },
      { type: "flatten", from: ["a"], to: "b" },
    ];
    const model = network({ inputShape: [6, 5, 1], layers });
    const images = Float32Array.from({ length: 30 }, (_, i) => i % 7);
    const actual = await runOnnx(exportOnnx(model, new Map()), images, [1, 6, 5, 1]);
    const attrs = { kernel: [3, 3], stride: [2, 2], padding: [1, 2, 1, 1], countIncludePad: true } as const;
    const expected = avgPool2d(
      { shape: [1, 6, 5, 1], data: Float64Array.from(images) },
      { ...attrs, ceil: [1, 0] },
    );
    expect(relativeError(actual, expected.data)).toBeLessThan(1e-6);
  });

  it.each([
    ["sequential", { inputShape: [32, 32, 3], backbone: { name: "resnet20", width: 4 } }],
    ["interleaved", { activation: "silu" }],
    ["fusion", { inputShape: [64, 64, 3], backbone: narrow("resnet50"), vgg: narrow("vgg11"), hidden: 8 }],
    ["features", { inputShape: [32, 32, 3], backbone: { name: "resnet20", width: 4 } }],
    ["stacked", { depth: 14, shortcuts: "all" }],
    ["stacked", { depth: 8, shortcuts: [true, false, true], batchNorm: false }],
    ["convnet", { batchNorm: false, activation: "leaky_relu" }],
    ["resnet34", { inputShape: [32, 32, 3], width: 4, padded: "same" }],
    ["resnet50", { inputShape: [32, 32, 3], width: 4, ...KERAS_RESNET }],
    ["vgg11_bn", { inputShape: [32, 32, 3], width: 4, hidden: 8 }],
  ] as const)("writes %s so that it is read as it was", (name, options) => {
    const model = createModel(name, options);
    const weights = seededWeights(model, 2);
    const read = importOnnx(exportOnnx(model, weights));
    expect(read.weights).toEqual(weights);
    // Dropout is nothing in evaluation, and the file has none.
    const operations = (of: Model) =>
      inspect(of)
        .nodes.filter((node) => !isNode(node, dropoutOp))
        .map(({ op, attrs, outputs }) => [op.name, attrs, outputs.y!.shape]);
    expect(operations(read.model)).toEqual(operations(model));
  });

  it("reads ReLU6, hardtanh, hard sigmoid and softplus, and no other clip or slope", () => {
    const read = (node: Partial<OnnxNode>) => {
      const first = { name: "a", inputs: ["x"], outputs: ["y"], attributes: {}, ...node } as OnnxNode;
      const mean: OnnxNode = { ...first, op: "GlobalAveragePool", name: "m", inputs: ["n"], outputs: ["m"] };
      const relu: OnnxNode = { ...mean, op: "Relu", name: "n", inputs: ["y"], outputs: ["n"] };
      const flat: OnnxNode = { ...mean, op: "Flatten", name: "f", inputs: ["m"], outputs: ["z"] };
      const file = encodeOnnx({
        ...{ name: "one", opset: 7, tensors: new Map(), nodes: [first, relu, mean, flat] },
        inputs: [{ name: "x", shape: ["N", 3, 4, 4] }],
        outputs: [{ name: "z", shape: ["N", 3] }],
      });
      return inspect(importOnnx(file).model).nodes[0]!.attrs;
    };
    const clip = (min: number, max: number) => ({
      ...{ op: "Clip", attributes: { min: { float: min }, max: { float: max } } },
    });
    expect(read(clip(0, 6))).toEqual({ name: "relu6" });
    expect(read(clip(0, 1))).toEqual({ name: "hardtanh", alpha: 0, beta: 1 });
    expect(() => read({ op: "Clip" })).toThrow(/Clip "a" clips to -∞…∞; only 0…∞, ReLU, and two finite/);
    const hard = (alpha: number) => ({ op: "HardSigmoid", attributes: { alpha: { float: alpha } } });
    expect(read(hard(1 / 6))).toEqual({ name: "hardsigmoid" });
    expect(() => read(hard(0.2))).toThrow(/has an alpha other than 1\/6/);
    expect(read({ op: "Softplus" })).toEqual({ name: "softplus" });
  });

  it("reads channels of zeros, and no other channels", () => {
    const pad = (pads: number[], attributes: OnnxNode["attributes"] = {}) => {
      const node = { op: "Pad", name: "p", inputs: ["x"], outputs: ["y"] };
      const mean: OnnxNode = {
        op: "GlobalAveragePool",
        name: "m",
        inputs: ["y"],
        outputs: ["m"],
        attributes: {},
      };
      const flat: OnnxNode = { op: "Flatten", name: "f", inputs: ["m"], outputs: ["z"], attributes: {} };
      return encodeOnnx({
        ...{ name: "padded", opset: 7, tensors: new Map() },
        inputs: [{ name: "x", shape: ["N", 3, 4, 4] }],
        outputs: [{ name: "z", shape: ["N", 5] }],
        nodes: [{ ...node, attributes: { pads: { ints: pads }, ...attributes } }, mean, flat],
      });
    };
    expect(importOnnx(pad([0, 0, 0, 0, 0, 2, 0, 0])).model.classes).toBe(5);
    expect(importOnnx(pad([0, 1, 0, 0, 0, 1, 0, 0])).model.classes).toBe(5);
    for (const [file, reason] of [
      [pad([0, 0, 0, 0, 0, 2, 1, 0]), "by [0, 0, 0, 0, 0, 2, 1, 0], constant; channels and pixels at once"],
      [pad([1, 0, 0, 0, 0, 0, 0, 0]), "by [1, 0, 0, 0, 0, 0, 0, 0], constant; no images can be added"],
      [pad([0, 0, 0, 0, 0, -1, 0, 0]), "by [0, 0, 0, 0, 0, -1, 0, 0], constant; channels can only be zeros"],
      [pad([0, 0, 0, 0, 0, 2 ** 20, 0, 0]), "by [0, 0, 0, 0, 0, 1048576, 0, 0], constant; which fits no"],
      [pad([]), "by [], constant; which fits no"],
      [
        pad([0, 0, 1, 0, 0, 0, -1, 0]),
        "by [0, 0, 1, 0, 0, 0, -1, 0], constant; it adds pixels and takes others",
      ],
      [pad([0, 0, 0, 0, 0, 2, 0, 0], { value: { float: 1 } }), "constant; channels can only be zeros"],
      [
        pad([0, 0, 1, 0, 0, 0, 0, 0], { mode: { text: "edge" } }),
        "edge; only constant and reflect can be read",
      ],
    ] as const) {
      expect(() => importOnnx(file)).toThrow(WeightsError);
      expect(() => importOnnx(file)).toThrow(`${reason}`);
    }
  });

  it("names every value once, and takes any batch", async () => {
    const model = network({
      inputShape: [2, 2, 3],
      layers: [
        ...layers,
        { type: "flatten", from: [`a${layers.length}`], to: "b" },
        dense("fc", "b"),
        ...twice("fc"),
      ],
    });
    const file = exportOnnx(model, seededWeights(model, 1), { probabilities: true });
    const { nodes, inputs, outputs } = decodeOnnx(file, "model");
    const names = nodes.flatMap((node) => node.outputs);
    expect(new Set(names).size).toBe(names.length);
    expect(inputs).toEqual([{ name: "images", shape: ["N", 3, 2, 2] }]);
    expect(outputs).toEqual([{ name: "probabilities", shape: ["N", 2] }]);
    for (const N of [1, 3]) {
      const result = await runOnnx(file, someImages([N, 2, 2, 3]), [N, 2, 2, 3]);
      expect(result.length).toBe(2 * N);
      expect(result.reduce((a, b) => a + b)).toBeCloseTo(N, 5);
    }
  });

  it("refuses weights that are not finite", () => {
    const model = network({
      inputShape: [2, 2, 3],
      layers: [{ type: "flatten", from: ["images"], to: "b" }, dense("fc", "b")],
    });
    const weights = seededWeights(model, 1);
    weights.get("fc.bias")!.data[1] = Number.NaN;
    expect(() => exportOnnx(model, weights)).toThrow(NonFiniteError);
    expect(() => exportOnnx(model, weights)).toThrow(
      /^onnx of network: 1 of 2 tensors .*fc\.bias \(NaN at 1\)/,
    );
  });

  it("says which weights are missing or misshaped", () => {
    const model = network({
      inputShape: [2, 2, 3],
      layers: [{ type: "flatten", from: ["images"], to: "b" }, dense("fc", "b")],
    });
    const weights = new Map([["fc.weight", { shape: [2, 3], data: new Float32Array(6) }]]);
    expect(() => exportOnnx(model, weights)).toThrow(
      new WeightsError("onnx of network: fc.weight is (2, 3), the model has (2, 12); fc.bias (2) is missing"),
    );
  });

  it("refuses a flattened map that does not end in dense layers, whose order would differ", () => {
    const flat: NetworkLayer = { type: "flatten", from: ["images"], to: "b" };
    const model = network({ inputShape: [2, 2, 3], layers: [flat] });
    expect(() => exportOnnx(model, new Map())).toThrow(/only dense layers may follow.*the output logits/);
    const doubled = network({
      inputShape: [2, 2, 3],
      layers: [flat, { type: "concat", from: ["b", "b"], to: "c" }, dense("fc", "c")],
    });
    expect(() => exportOnnx(doubled, seededWeights(doubled, 1))).toThrow(/b.concat|concat/);
  });
});

describe("malformed ONNX files", () => {
  const file = fixture("folded");

  it("are refused when cut at any byte", () => {
    // Cut after a whole field, a model may only lack what follows: here the opset, last in the file.
    for (let length = 0; length < file.length; length++) {
      expect(() => importOnnx(file.subarray(0, length)), `${length} bytes`).toThrow(WeightsError);
    }
  });

  it.each(["folded", "resnet", "vgg", "windows"])(
    "are refused or read soundly whatever bytes of %s.onnx change",
    (name) => {
      const whole = fixture(name);
      const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
      const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), byte), { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(changes, (list) => {
          const changed = whole.slice();
          for (const [at, value] of list) changed[at] = value;
          try {
            const { model, weights } = importOnnx(changed);
            let bytes = 0;
            for (const { data } of weights.values()) bytes += data.byteLength;
            // f16 takes half the room in a file.
            expect(bytes).toBeLessThanOrEqual(2 * whole.length);
            exportOnnx(model, weights);
          } catch (error) {
            // A changed weight may be NaN, which is read as it is but not written.
            expect([WeightsError, NonFiniteError]).toContain((error as Error).constructor);
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  it.each(["folded", "resnet", "vgg", "windows"])(
    "are refused or read soundly whatever lengths of %s.onnx lie",
    (name) => {
      const whole = fixture(name);
      const places = lengthsIn(whole);
      expect(places.length).toBeGreaterThan(100);
      let refused = 0;
      let tried = 0;
      for (const at of places) {
        for (const length of [0, whole[at]! - 1, whole[at]! + 1, 0x7f, 0xff]) {
          if ((length & 0xff) === whole[at]) continue;
          const changed = whole.slice();
          changed[at] = length;
          tried++;
          try {
            importOnnx(changed);
          } catch (error) {
            expect(error).toBeInstanceOf(WeightsError);
            refused++;
          }
        }
      }
      // What is read all the same has lost a name or an attribute that it can do without.
      expect(refused / tried).toBeGreaterThan(0.9);
    },
  );

  it("are refused however deep they are nested, wherever messages may be", () => {
    for (const path of [[7], [7, 1], [7, 1, 5], [7, 1, 5, 6], [7, 5], [7, 11, 2, 1, 2, 1]]) {
      let bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
      for (let depth = 0; depth < 2000; depth++) {
        bytes = new MessageWriter().bytes(path[depth % path.length]!, bytes).finish();
      }
      expect(() => importOnnx(bytes), path.join()).toThrow(WeightsError);
    }
  });

  const conv: OnnxNode = { op: "Conv", name: "c", inputs: ["x", "w"], outputs: ["y"], attributes: {} };
  const flat: OnnxNode = { op: "Flatten", name: "f", inputs: ["y"], outputs: ["z"], attributes: {} };
  const sound: OnnxContent = {
    name: "sound",
    opset: 17,
    inputs: [{ name: "x", shape: ["N", 3, 3, 3] }],
    outputs: [{ name: "z", shape: ["N", 2] }],
    tensors: new Map([["w", { shape: [2, 3, 3, 3], data: new Float32Array(54) }]]),
    nodes: [conv, flat],
  };
  const withTensor = (shape: number[], data = new Float32Array(54)) =>
    encodeOnnx({ ...sound, tensors: new Map([["w", { shape, data }]]) });
  const withConv = (attributes: OnnxNode["attributes"]) =>
    encodeOnnx({ ...sound, nodes: [{ ...conv, attributes }, flat] });

  it("are told from sound ones", () => {
    const { model } = importOnnx(encodeOnnx(sound));
    expect([model.inputShape, model.classes]).toEqual([[3, 3, 3], 2]);
  });

  it.each([
    ["an empty file", new Uint8Array(), /is empty/],
    ["text", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1"), /^onnx: /],
    [
      "an opset of the future",
      encodeOnnx({ ...sound, opset: 99 }),
      /opset 99; export it with one from 7 to 26/,
    ],
    ["an absurd shape", withTensor([2 ** 40, 2 ** 40, 3, 3]), /bytes instead of/],
    ["an absurd shape of nothing", withTensor([2 ** 40, 0, 3, 3], new Float32Array()), /should be/],
    ["a negative extent", withTensor([-2, 3, 3, 3]), /impossible shape/],
    ["too few values", withTensor([2, 3, 3, 4]), /"w" \(2, 3, 3, 4\) FLOAT has 216 bytes instead of 288/],
    ["channels that do not fit", withTensor([3, 2, 3, 3]), /c.weight should be \(3, 3, 3, 3\)/],
    ["absurd pads", withConv({ pads: { ints: [0, 0, 2 ** 40, 0] } }), /pads \[0, 0, 1099511627776, 0\]/],
    ["an absurd group", withConv({ group: { int: 2 ** 40 } }), /divisible by groups/],
    ["a stride of 0", withConv({ strides: { ints: [0, 1] } }), /strides \[0, 1\]/],
    [
      "a value of no node",
      encodeOnnx({ ...sound, nodes: [flat, conv] }),
      /takes "y", which no node before it makes/,
    ],
    ["a node that takes itself", encodeOnnx({ ...sound, nodes: [{ ...flat, inputs: ["z"] }] }), /takes "z"/],
    [
      "a value that comes twice",
      encodeOnnx({ ...sound, nodes: [conv, conv, flat] }),
      /two values are called "y"/,
    ],
    ["an output of no node", encodeOnnx({ ...sound, nodes: [conv] }), /no layer makes the output z/],
    [
      "an open size",
      encodeOnnx({ ...sound, inputs: [{ name: "x", shape: ["N", 3, "H", "W"] }] }),
      /inputShape/,
    ],
    ["a graph that is a number", new MessageWriter().int(7, 3).finish(), /field 7 is not a message/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => importOnnx(bytes)).toThrow(WeightsError);
    expect(() => importOnnx(bytes)).toThrow(message);
  });

  it("takes the size that a file leaves open", () => {
    const open = encodeOnnx({ ...sound, inputs: [{ name: "x", shape: ["N", 3, "H", "W"] }] });
    expect(importOnnx(open, { inputShape: [3, 3, 3] }).model.classes).toBe(2);
  });
});

/** The messages within messages, by the numbers of their fields. */
interface Schema {
  readonly [field: number]: Schema;
}
const TENSOR: Schema = {};
const VALUE: Schema = { 2: { 1: { 2: { 1: {} } } } };
const MODEL: Schema = { 7: { 1: { 5: { 5: TENSOR } }, 5: TENSOR, 11: VALUE, 12: VALUE }, 8: {} };

/** Where the lengths of all fields that have one begin, in messages within messages too. */
function lengthsIn(file: Uint8Array, schema: Schema = MODEL, start = 0, end = file.length): number[] {
  const places: number[] = [];
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      value += (file[at]! & 0x7f) * scale;
      if (file[at++]! < 0x80) return value;
    }
  };
  while (at < end) {
    const key = varint();
    const inner = schema[key >>> 3];
    if (key % 8 === 0) varint();
    else if (key % 8 !== 2) at += key % 8 === 1 ? 8 : 4;
    else {
      places.push(at);
      const length = varint();
      if (inner) places.push(...lengthsIn(file, inner, at, at + length));
      at += length;
    }
  }
  return places;
}

const narrow = (name: string) => ({ name, width: 4 });

const dense = (name: string, from: string): NetworkLayer => ({
  ...{ type: "dense", name, outFeatures: 2, bias: true, from: [from], to: name },
});

/** A value added to itself twice, so that labels repeat. */
const twice = (x: string): NetworkLayer[] => [
  { type: "add", from: [x, x], to: "sum" },
  { type: "add", from: [x, "sum"], to: "sum2" },
];

/** Everything that reads files from outside, each with sound files to begin with. */
import { readdirSync, readFileSync } from "node:fs";
import { WebgraftError } from "../../../src/base/errors.ts";
import type { Random } from "../../../src/base/random.ts";
import { anyObject, parseJson } from "../../../src/base/schema.ts";
import { parseFolderIndex } from "../../../src/data/folder-index.ts";
import { readImageHeader } from "../../../src/data/image-header.ts";
import { formatIdx, idxDataset } from "../../../src/data/mnist/idx.ts";
import { importKeras } from "../../../src/formats/keras/import.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import type { Gpu } from "../../../src/gpu/device.ts";
import { Tuning } from "../../../src/gpu/tuning.ts";
import {
  historyOf,
  kernelsOf,
  learningRateOf,
  metadataOf,
  settingsOf,
} from "../../../src/job/job-metadata.ts";
import { checkSettings, defaultSettings } from "../../../src/job/settings.ts";
import { convnet } from "../../../src/models/index.ts";
import { type NetworkLayerKind, network } from "../../../src/models/topologies/network.ts";
import { describeModel, loadModel, modelFile } from "../../../src/predict/model-file.ts";
import type { Variables } from "../../../src/run/variables.ts";
import { loadCheckpoint } from "../../../src/train/checkpoint.ts";
import { loadPretrained } from "../../../src/transfer/pretrained.ts";
import { openSafetensors } from "../../../src/weights/file.ts";
import { readTensors } from "../../../src/weights/load.ts";
import { decodeSafetensors, encodeSafetensors, float32Values } from "../../../src/weights/safetensors.ts";
import { openShards } from "../../../src/weights/shards.ts";
import { openBytes } from "../../../src/weights/source.ts";
import { png } from "../data/png.ts";
import { seededWeights } from "../data/seeded.ts";
import { memoryTarget, tinyVgg, weightsFixture } from "../data/weights.ts";
import { chain, GraphFile, node } from "../models/onnx-graph.ts";
import { mutateBytes, mutateText } from "./mutate.ts";

export interface Parser {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  mutate(random: Random, seed: Uint8Array): Uint8Array;
  /** Gives a value or throws. */
  read(bytes: Uint8Array): unknown;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const json = (value: unknown): Uint8Array => encode(JSON.stringify(value));
const fixture = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/${path}`, import.meta.url)));

const binary = { mutate: mutateBytes };
const text = { mutate: (random: Random, seed: Uint8Array) => encode(mutateText(random, decode(seed))) };

/** Safetensors files, of which one in three gets other bytes, one another header and one other metadata. */
const safetensors = {
  mutate(random: Random, seed: Uint8Array): Uint8Array {
    const how = random.u32() % 3;
    if (how === 0) return mutateBytes(random, seed);
    const view = new DataView(seed.buffer, seed.byteOffset);
    const end = 8 + Number(view.getBigUint64(0, true));
    const header = JSON.parse(decode(seed.subarray(8, end)));
    const metadata: Record<string, string> = header.__metadata__ ?? {};
    const keys = Object.keys(metadata).filter((key) => metadata[key]!.startsWith("{"));
    if (how === 1 || keys.length === 0) {
      return withHeader(mutateText(random, JSON.stringify(header)), seed.subarray(end));
    }
    const key = keys[random.u32() % keys.length]!;
    header.__metadata__ = { ...metadata, [key]: mutateText(random, metadata[key]!) };
    return withHeader(JSON.stringify(header), seed.subarray(end));
  },
};

function withHeader(header: string, data: Uint8Array): Uint8Array {
  const bytes = encode(header);
  const file = new Uint8Array(8 + bytes.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
  file.set(bytes, 8);
  file.set(data, 8 + bytes.length);
  return file;
}

const labels = { name: "labels", bytes: formatIdx({ shape: [2], data: Uint8Array.of(0, 1) }) };
const about = { name: "fuzz", classes: ["a", "b"], normalize: { mean: [0], std: [1] } };

const keras = (name: string): Map<string, Uint8Array> => {
  const folder = new URL(`../fixtures/keras/${name}/`, import.meta.url);
  return new Map(readdirSync(folder).map((file) => [file, fixture(`keras/${name}/${file}`)]));
};
const small = keras("small");

const options = { inputShape: [8, 8, 1], classes: 2, widths: [4, 4, 4, 4] } as const;
const preprocessing = { resize: 8, mode: "torch", mean: [0.5], std: [0.25] } as const;
const model = convnet({ ...options, preprocessing });
const target = memoryTarget(model);
for (const { name, tensor } of target.weights) {
  target.values.set(name, new Float32Array(tensor.shape.reduce((a, b) => a * b, 1)));
}
const history = {
  steps: [{ step: 1, loss: 2, accuracy: 0.5, milliseconds: 3 }],
  epochs: [{ epoch: 1, testLoss: 2, testAccuracy: 0.5 }],
  samples: [{ step: 1, loss: 2, accuracy: 0.5 }],
  confusion: [
    [1, 0],
    [1, 0],
  ],
};
const checkpoint = encodeSafetensors(await readTensors(target.variables, target.weights), {
  ...{ format: "webgraft", step: "1", epoch: "1", seed: "1", optimizer: "sgd" },
  ...metadataOf(defaultSettings, history, 0.1, { device: "a GPU", kernels: { task: "variant" } }),
  ...describeModel(model, { labels: ["cat", "dog"] }),
});

/** Stands for a GPU: whoever asks it for anything has read the file. */
const reached = new Error("the file was read");
const noGpu = new Proxy({} as Gpu, {
  get() {
    throw reached;
  },
});
async function readModel(bytes: Uint8Array): Promise<unknown> {
  try {
    return await loadModel(bytes, { gpu: noGpu, name: "model" });
  } catch (error) {
    if (error === reached) return undefined;
    throw error;
  }
}

const tuning = new Tuning("an adapter");
const table = {
  ...tuning.export(),
  tuned: { "conv2d forward N=8": { variant: "a", milliseconds: 1, gain: 1.5 } },
  failed: { "conv2d forward N=8": ["b", "c"] },
  trying: { task: "conv2d forward N=9", variant: "d" },
};

/** An ONNX file with what exporters write around a network's own layers. */
const idioms = new GraphFile()
  .input("x", ["N", 5, 6, 3])
  .tensor("k", [3], [0.01, 0.02, 0.03])
  .append(
    chain(
      node("Mul", ["x", "k"], "scaled"),
      node("Transpose", ["scaled"], "images", { perm: { ints: [0, 3, 1, 2] } }),
    ),
  )
  .conv("images", "c", 4, 3)
  .tensor("b", [4, 1, 1])
  .append(
    chain(
      node("Add", ["c", "b"], "map"),
      node("Shape", ["map"], "n", { start: { int: 0 }, end: { int: 1 } }),
      node("Constant", [], "rest", { value_ints: { ints: [-1] } }),
      node("Concat", ["n", "rest"], "to", { axis: { int: 0 } }),
      node("Reshape", ["map", "to"], "flat"),
    ),
  )
  .gemm("flat", "y", 48, 2)
  .finish("y");

/** An ONNX file of what is written in many nodes: norms of groups and of channels, GELUs; and a transposed convolution. */
const decoding: readonly NetworkLayerKind[] = [
  { type: "group_norm", name: "g", numGroups: 2, eps: 1e-5 },
  { type: "activation", activation: "gelu" },
  {
    ...{ type: "conv_transpose2d", name: "t", outChannels: 3, groups: 1, bias: true, dilation: [1, 1] },
    ...{ kernelSize: [2, 3], stride: [2, 2], padding: [1, 0, 0, 1], outputPadding: [1, 0] },
  },
  { type: "layer_norm", name: "l", eps: 1e-6 },
  { type: "activation", activation: "gelu_tanh" },
  { type: "global_avg_pool", keepPixel: false },
];
const decoder = network({
  inputShape: [3, 4, 2],
  layers: decoding.map((kind, i) => ({ ...kind, from: [i === 0 ? "images" : `v${i - 1}`], to: `v${i}` })),
});
const writtenOut = exportOnnx(decoder, seededWeights(decoder, 3));

const pretrainedTarget = memoryTarget(tinyVgg);

const jpeg = Uint8Array.of(
  ...[0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, 30, 0, 40, 1, 1, 0x11, 0],
);

export const parsers: readonly Parser[] = [
  {
    ...{ name: "idx", ...binary, seeds: [formatIdx({ shape: [2, 3, 3], data: new Uint8Array(18) })] },
    read: (bytes) => idxDataset({ images: { name: "images", bytes }, labels }, about),
  },
  { name: "image-header", ...binary, seeds: [png(4, 4, () => [1, 2, 3]), jpeg], read: readImageHeader },
  {
    ...{ name: "folder-index", ...text, read: parseFolderIndex },
    seeds: [
      json({
        ...{ name: "pets", classes: ["cat", "dog"], test: [{ name: "cat/9.png", label: 0 }] },
        train: Array.from({ length: 5 }, (_, i) => ({ name: `cat/${i}.png`, label: i % 2 })),
      }),
    ],
  },
  {
    ...{ name: "safetensors", ...safetensors },
    seeds: [weightsFixture("resnet-torchvision-f16.safetensors"), weightsFixture("vgg-timm.safetensors")],
    async read(bytes) {
      for (const [name, tensor] of decodeSafetensors(bytes, "file").tensors) float32Values(name, tensor);
      const opened = await openSafetensors(bytes);
      return opened.read(opened.tensors.keys());
    },
  },
  {
    ...{ name: "safetensors-index", ...text, seeds: [weightsFixture("resnet.safetensors.index.json")] },
    async read(bytes) {
      const shards = ["shard-1.safetensors", "shard-2.safetensors"];
      const open = (file: string) =>
        openSafetensors(shards.includes(file) ? weightsFixture(file) : new Uint8Array());
      const opened = await openShards(openBytes(bytes), open, {});
      return opened.read(opened.tensors.keys());
    },
  },
  {
    ...{ name: "onnx", ...binary },
    read: (bytes) => importOnnx(bytes, { externalData: new Map([["external.bin", new Uint8Array(216)]]) }),
    seeds: [
      ...["resnet", "vgg", "types", "windows", "external"].map((name) => fixture(`onnx/${name}.onnx`)),
      ...[idioms, writtenOut],
    ],
  },
  {
    ...{ name: "keras", ...text, seeds: [small.get("model.json")!] },
    read: (bytes) => importKeras(new Map(small).set("model.json", bytes)),
  },
  {
    ...{ name: "checkpoint", ...safetensors, seeds: [checkpoint] },
    read(bytes) {
      const variables = { write() {} } as unknown as Variables;
      loadCheckpoint(variables, target.weights, { optimizer: "sgd", seed: 1 }, bytes, "checkpoint");
      modelFile(bytes);
      kernelsOf(bytes, "a GPU", "checkpoint");
      return [settingsOf, historyOf, learningRateOf].map((read) => read(bytes, "checkpoint"));
    },
  },
  { name: "model-file", ...safetensors, seeds: [modelFile(checkpoint)], read: readModel },
  {
    ...{ name: "tuning-table", ...text, seeds: [json(table)] },
    read: (bytes) => new Tuning("an adapter").import(parseJson(anyObject, bytes, "table", WebgraftError)),
  },
  {
    ...{
      name: "settings",
      ...text,
      seeds: [json({ ...defaultSettings, augment: ["flip"], weights: ["a"] })],
    },
    read: (bytes) => checkSettings(parseJson(anyObject, bytes, "settings", WebgraftError)),
  },
  {
    ...{ name: "pretrained", ...binary },
    seeds: [
      weightsFixture("vgg-torchvision.safetensors"),
      fixture("onnx/types.onnx"),
      small.get("model.json")!,
    ],
    read: (bytes) => loadPretrained(pretrainedTarget, bytes),
  },
];

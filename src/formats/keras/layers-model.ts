/**
 * Keras models as TensorFlow.js stores them: a `model.json` with the layers and a manifest of the weights, and
 * files ("shards") that hold the weights one after another. Reading trusts nothing in a file.
 * https://www.tensorflow.org/js/guide/save_load
 */
import { concatenate } from "../../base/bytes.ts";
import { WeightsError } from "../../base/errors.ts";
import { decodeFloats } from "../../weights/dtypes.ts";
import { isCountList, isRecord, parseRecord } from "../../weights/safetensors.ts";

type Json = Readonly<Record<string, unknown>>;

export interface KerasLayer {
  /** `Conv2D`. */
  readonly type: string;
  readonly name: string;
  readonly config: Json;
  /** The layers whose values it uses. */
  readonly inputs: readonly string[];
}

/** A weight of the manifest. */
interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Undefined for types other than floats. */
  readonly decode: ((bytes: Uint8Array) => Float32Array) | undefined;
}

/** Weights that share their shards. */
export interface KerasGroup {
  /** Paths beside the model.json. */
  readonly paths: readonly string[];
  readonly entries: readonly Entry[];
}

export interface KerasFile {
  /** In the file's order. */
  readonly layers: readonly KerasLayer[];
  /** The layers whose values the model outputs. */
  readonly outputs: readonly string[];
  readonly groups: readonly KerasGroup[];
}

/** Bytes of an element, by TensorFlow.js' name of its type. */
const WIDTHS: Readonly<Record<string, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

/** Reads a model.json. Throws WeightsError, naming `source`, if it is malformed or a graph model. */
export function parseKeras(json: Uint8Array, source: string): KerasFile {
  const fail = (reason: string): never => {
    throw new WeightsError(`${source}: ${reason}`);
  };
  const { format, modelTopology, weightsManifest } = parseRecord(json, `${source}: the model.json`);
  if (!isRecord(modelTopology)) return fail("is not a TensorFlow.js model: it has no modelTopology");
  if (format === "graph-model" || "node" in modelTopology) {
    fail(
      "is a graph model; convert it to a layers model with tensorflowjs_converter --output_format=tfjs_layers_model",
    );
  }
  // The converter puts the model into model_config; TensorFlow.js itself puts it here.
  const { class_name: type, config } = isRecord(modelTopology.model_config)
    ? modelTopology.model_config
    : modelTopology;
  if (!Array.isArray(weightsManifest)) return fail("has no weightsManifest");
  const groups = weightsManifest.map((group) => readGroup(group, fail));
  const paths = groups.flatMap((group) => group.paths);
  if (new Set(paths).size < paths.length) fail("the weightsManifest names a file twice");
  if (type === "Sequential") {
    const list = isRecord(config) ? config.layers : config;
    return { ...sequence(readLayers(list, fail), fail), groups };
  }
  if (type !== "Functional" && type !== "Model")
    fail(`must be a Sequential, Functional or Model — got ${JSON.stringify(type)}`);
  const { layers, output_layers: outputs } = isRecord(config) ? config : fail("has no config");
  return { layers: readLayers(layers, fail), outputs: layersIn(outputs), groups };
}

type Fail = (reason: string) => never;

function readLayers(list: unknown, fail: Fail): KerasLayer[] {
  if (!Array.isArray(list) || list.length === 0) return fail("has no layers");
  const names = new Set<string>();
  return list.map((layer) => {
    const { class_name: type, config, name: outer, inbound_nodes: nodes = [] } = isRecord(layer) ? layer : {};
    if (typeof type !== "string" || !isRecord(config)) return fail("a layer has no class_name or config");
    const name = outer ?? config.name;
    if (typeof name !== "string" || names.has(name))
      return fail(`a layer has the name ${JSON.stringify(name)}`);
    names.add(name);
    if (!Array.isArray(nodes) || nodes.length > 1) return fail(`the layer ${name} is used more than once`);
    return { type, name, config, inputs: layersIn(nodes) };
  });
}

/** The layers of a Sequential model, each after the one before it. */
function sequence(layers: readonly KerasLayer[], fail: Fail): Pick<KerasFile, "layers" | "outputs"> {
  const [first] = layers;
  const { batch_input_shape: shape } = first!.config;
  const input = { type: "InputLayer", name: "", config: { batch_input_shape: shape }, inputs: [] };
  const all = first!.type === "InputLayer" ? layers : [input, ...layers];
  if (layers.some(({ name }) => name === "")) fail("a layer has no name");
  return {
    layers: all.map((layer, i) => ({ ...layer, inputs: i === 0 ? [] : [all[i - 1]!.name] })),
    outputs: [all.at(-1)!.name],
  };
}

/**
 * The layers that a part of the file names: `["conv1", 0, 0]` in Keras 2, `{ keras_history: ["conv1", 0, 0] }` in
 * Keras 3, in lists and records.
 */
function layersIn(value: unknown, depth = 0): string[] {
  if (depth > 8) return [];
  if (Array.isArray(value)) {
    const [name, node] = value;
    if (typeof name === "string" && typeof node === "number") return [name];
    return value.flatMap((part) => layersIn(part, depth + 1));
  }
  return isRecord(value) ? Object.values(value).flatMap((part) => layersIn(part, depth + 1)) : [];
}

function readGroup(group: unknown, fail: Fail): KerasGroup {
  const { paths, weights } = isRecord(group) ? group : {};
  if (!Array.isArray(paths) || !Array.isArray(weights)) return fail("the weightsManifest is malformed");
  for (const path of paths) {
    // Only files beside the model.json, nowhere else.
    if (typeof path !== "string" || !/^[\w-][\w.-]*$/.test(path)) {
      return fail(`weights must be in files beside the model.json — got ${JSON.stringify(path)}`);
    }
  }
  return { paths, entries: weights.map((weight) => readEntry(weight, fail)) };
}

function readEntry(weight: unknown, fail: Fail): Entry {
  const { name, shape, dtype, quantization } = isRecord(weight) ? weight : {};
  if (typeof name !== "string") return fail("a weight of the weightsManifest has no name");
  if (!isCountList(shape)) return fail(`${name} has the shape ${JSON.stringify(shape)}`);
  const { dtype: stored, scale, min } = isRecord(quantization) ? quantization : { dtype };
  const width = typeof stored === "string" && Object.hasOwn(WIDTHS, stored) ? WIDTHS[stored]! : undefined;
  if (width === undefined) return fail(`${name} is of the type ${JSON.stringify(stored)}, which is not read`);
  const bytes = shape.reduce((product, extent) => product * extent, width);
  if (!isRecord(quantization)) {
    return { name, shape, bytes, decode: dtype === "float32" ? (b) => decodeFloats("F32", b)! : undefined };
  }
  if (stored === "float16") return { name, shape, bytes, decode: (b) => decodeFloats("F16", b)! };
  if (stored !== "uint8" && stored !== "uint16")
    return fail(`${name} is quantised as ${JSON.stringify(stored)}`);
  if (!Number.isFinite(scale) || !Number.isFinite(min))
    return fail(`${name} is quantised without scale and min`);
  return {
    ...{ name, shape, bytes },
    decode: (b) => {
      const levels = width === 1 ? b : new Uint16Array(b.slice().buffer);
      return Float32Array.from(levels, (level) => level * (scale as number) + (min as number));
    },
  };
}

/** The weights of a group, which lie in its shards one after another. Throws WeightsError if the lengths do not fit. */
export function decodeGroup(
  { paths, entries }: KerasGroup,
  shards: readonly Uint8Array[],
  source: string,
): Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }> {
  const expected = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const given = shards.reduce((sum, { length }) => sum + length, 0);
  if (given !== expected) {
    throw new WeightsError(`${source}: ${paths.join(", ")} should have ${expected} bytes and have ${given}`);
  }
  const data = shards.length === 1 ? shards[0]! : concatenate(shards);
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  let at = 0;
  for (const { name, shape, bytes, decode } of entries) {
    if (decode) weights.set(name, { shape, data: decode(data.subarray(at, at + bytes)) });
    at += bytes;
  }
  return weights;
}

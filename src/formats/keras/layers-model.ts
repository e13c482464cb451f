/**
 * Keras models as TensorFlow.js stores them: a `model.json` with the layers and a manifest of the weights, and
 * files ("shards") that hold the weights one after another. Reading trusts nothing in a file.
 * https://www.tensorflow.org/js/guide/save_load
 */
import { concatenate } from "../../base/bytes.ts";
import { WeightsError } from "../../base/errors.ts";
import {
  anyObject,
  check,
  list,
  number,
  object,
  oneOf,
  optional,
  parseJson,
  type Schema,
  show,
  size,
  string,
  type TypeOf,
  value,
} from "../../base/schema.ts";
import { decodeFloats } from "../../weights/dtypes.ts";
import { refuseMistaken } from "../../weights/safetensors.ts";
import { readTopology, type Topology } from "./topology.ts";

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

export interface KerasFile extends Topology {
  /** Keras' major version, 2 for TensorFlow.js. */
  readonly version: number;
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

const weightSchema = object({
  name: string,
  shape: list(size),
  dtype: string,
  quantization: optional(
    object({
      dtype: oneOf(["float16", "uint8", "uint16"]),
      scale: optional(number),
      min: optional(number),
    }),
  ),
});

const groupSchema = object({
  paths: list(
    // Only files beside the model.json, nowhere else.
    value<string>(
      "a file beside the model.json",
      (value) => typeof value === "string" && /^[\w-][\w.-]*$/.test(value),
    ),
  ),
  weights: list(weightSchema),
});

const SPACE = 0x20;
const BRACE = 0x7b;

/** Reads a model.json. Throws WeightsError, naming `source`, if it is malformed or a graph model. */
export function parseKeras(json: Uint8Array, source: string): KerasFile {
  const fail = (reason: string): never => {
    throw new WeightsError(`${source}: ${reason}`);
  };
  const read = <T>(schema: Schema<T>, value: unknown, name: string): T =>
    check(schema, value, `${source}: ${name}`, WeightsError);
  // JSON is mistaken for weights elsewhere; here it is what is expected.
  if (json.find((byte) => byte > SPACE) !== BRACE) refuseMistaken(json, source);
  const file = parseJson(anyObject, json, `${source}: the model.json`, WeightsError);
  const topology = read(anyObject, file.modelTopology, "modelTopology");
  if (file.format === "graph-model" || Object.hasOwn(topology, "node")) {
    fail(
      "is a graph model; convert it to a layers model with tensorflowjs_converter --output_format=tfjs_layers_model",
    );
  }
  // The converter puts the model into model_config; TensorFlow.js itself puts it here.
  const given = anyObject.accepts(topology.model_config) ? topology.model_config : topology;
  const network = readTopology(given, source);
  const groups = read(list(groupSchema), file.weightsManifest, "weightsManifest").map((group) => ({
    paths: group.paths,
    entries: group.weights.map((weight) => entryOf(weight, fail)),
  }));
  const paths = groups.flatMap((group) => group.paths);
  if (new Set(paths).size < paths.length) fail("the weightsManifest names a file twice");
  const { keras_version: made } = topology;
  const version = Number((typeof made === "string" && /^\d+/.exec(made)?.[0]) || 2);
  return { ...network, version, groups };
}

type Fail = (reason: string) => never;

function entryOf({ name, shape, dtype, quantization }: TypeOf<typeof weightSchema>, fail: Fail): Entry {
  const { dtype: stored, scale, min } = quantization ?? { dtype };
  const width = Object.hasOwn(WIDTHS, stored) ? WIDTHS[stored]! : undefined;
  if (width === undefined) return fail(`${name} is of the type ${show(stored)}, which is not read`);
  const bytes = shape.reduce((product, extent) => product * extent, width);
  if (!quantization) {
    return { name, shape, bytes, decode: dtype === "float32" ? (b) => decodeFloats("F32", b)! : undefined };
  }
  if (stored === "float16") return { name, shape, bytes, decode: (b) => decodeFloats("F16", b)! };
  if (scale === undefined || min === undefined) return fail(`${name} is quantised without scale and min`);
  return {
    ...{ name, shape, bytes },
    decode: (b) => {
      const levels = width === 1 ? b : new Uint16Array(b.slice().buffer);
      return Float32Array.from(levels, (level) => level * scale + min);
    },
  };
}

/** The weights of a group, which lie in its shards one after another. Throws WeightsError if the lengths do not fit. */
export function decodeGroup(
  { paths, entries }: KerasGroup,
  shards: readonly Uint8Array[],
  source: string,
): [name: string, weight: { readonly shape: readonly number[]; readonly data: Float32Array }][] {
  const expected = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const given = shards.reduce((sum, { length }) => sum + length, 0);
  if (given !== expected) {
    throw new WeightsError(`${source}: ${paths.join(", ")} should have ${expected} bytes and have ${given}`);
  }
  const data = shards.length === 1 ? shards[0]! : concatenate(shards);
  let at = 0;
  return entries.flatMap(({ name, shape, bytes, decode }) => {
    at += bytes;
    return decode ? [[name, { shape, data: decode(data.subarray(at - bytes, at)) }]] : [];
  });
}

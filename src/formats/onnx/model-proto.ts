/**
 * ONNX files: https://github.com/onnx/onnx/blob/main/docs/IR.md, with the field numbers of its onnx.proto. Covers what
 * networks of tensors need; the values of initialisers are read on demand.
 */
import { concatenate } from "../../base/bytes.ts";
import { WeightsError } from "../../base/errors.ts";
import { decodeFloats, ELEMENT_BYTES } from "../../weights/dtypes.ts";
import type { NamedWeights } from "../../weights/tensors.ts";
import { type Field, Message, MessageWriter } from "./protobuf.ts";

/** A tensor stored in the file. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where its values are, if they are in another file. */
  readonly external?: ExternalPlace;
  /** Whether `ints` gives its values, and not `floats`. */
  readonly isInteger: boolean;
  /** The values as f32, row-major. Throws WeightsError if they are not floats or do not fill the shape. */
  floats(): Float32Array;
  /** The values of an integer tensor. Throws WeightsError likewise. */
  ints(): readonly number[];
}

/** Bytes of a file beside an ONNX file: to the file's end if no length is given. */
export interface ExternalPlace {
  readonly file: string;
  readonly offset: number;
  readonly length?: number;
}

export interface OnnxAttribute {
  readonly float?: number;
  readonly int?: number;
  readonly text?: string;
  readonly tensor?: OnnxTensor;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

export interface OnnxNode {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain?: string;
  readonly name: string;
  /** Names of values; empty for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of the graph. Extents that are not fixed have a name, which may be empty. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly opset: number;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  readonly nodes: readonly OnnxNode[];
}

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const FLOAT16 = 10;
const DOUBLE = 11;
const BFLOAT16 = 16;
const TYPE_NAMES: Readonly<Record<number, string>> = {
  ...{ 1: "FLOAT", 2: "UINT8", 3: "INT8", 4: "UINT16", 5: "INT16", 6: "INT32", 7: "INT64", 8: "STRING" },
  ...{ 9: "BOOL", 10: "FLOAT16", 11: "DOUBLE", 12: "UINT32", 13: "UINT64", 16: "BFLOAT16" },
};

/** The files beside an ONNX file that hold its larger tensors, by their names. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

/**
 * Reads a model. Throws WeightsError, naming `source`, for anything but a well-formed ONNX file; reading the values of
 * a tensor that lies in another file throws it if that is not in `beside`.
 */
export function decodeOnnx(file: Uint8Array, source: string, beside: ExternalData = new Map()): OnnxModel {
  const model = new Message(file, source);
  let opset: number | undefined;
  let graph: Message | undefined;
  for (const field of model) {
    if (field.number === 7) graph = field.message("graph");
    if (field.number === 8) {
      const { domain, version } = readOpset(field.message("opset_import"));
      if (isOnnx(domain)) opset = version;
    }
  }
  if (!graph || opset === undefined) return model.fail("not an ONNX model: it has no graph or no opset");
  return { opset, ...readGraph(graph, beside) };
}

/** Whether this is the domain of ONNX's own operators. */
export const isOnnx = (domain = ""): boolean => domain === "" || domain === "ai.onnx";

/** The nodes that the output depends on, in their order. */
export function reachable({ nodes, outputs }: Pick<OnnxModel, "nodes" | "outputs">): OnnxNode[] {
  const wanted = new Set(outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of node.inputs) wanted.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

function readOpset(message: Message): { domain: string; version: number } {
  const opset = { domain: "", version: 0 };
  for (const field of message) {
    if (field.number === 1) opset.domain = field.text();
    if (field.number === 2) opset.version = field.int();
  }
  return opset;
}

function readGraph(message: Message, beside: ExternalData): Omit<OnnxModel, "opset"> {
  const graph = {
    inputs: [] as OnnxValue[],
    outputs: [] as OnnxValue[],
    tensors: new Map<string, OnnxTensor>(),
    nodes: [] as OnnxNode[],
  };
  const { inputs, outputs, tensors, nodes } = graph;
  for (const field of message) {
    if (field.number === 1) nodes.push(readNode(field.message(`node[${nodes.length}]`), beside));
    if (field.number === 5) {
      const tensor = readTensor(field.message(`initializer[${tensors.size}]`), beside);
      if (tensors.has(tensor.name)) message.fail(`two initialisers are called "${tensor.name}"`);
      tensors.set(tensor.name, tensor);
    }
    if (field.number === 11) inputs.push(readValue(field.message(`input[${inputs.length}]`)));
    if (field.number === 12) outputs.push(readValue(field.message(`output[${outputs.length}]`)));
    if (field.number === 15) message.fail("has sparse initialisers, which cannot be read");
  }
  return graph;
}

function readNode(message: Message, beside: ExternalData): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Record<string, OnnxAttribute> = Object.create(null);
  let [name, op, domain] = ["", "", ""];
  let count = 0;
  for (const field of message) {
    if (field.number === 1) inputs.push(field.text());
    if (field.number === 2) outputs.push(field.text());
    if (field.number === 3) name = field.text();
    if (field.number === 4) op = field.text();
    if (field.number === 5) {
      const [key, attribute] = readAttribute(field.message(`attribute[${count++}]`), beside);
      attributes[key] = attribute;
    }
    if (field.number === 7) domain = field.text();
  }
  return { op, domain, name, inputs, outputs, attributes };
}

function readAttribute(message: Message, beside: ExternalData): [name: string, attribute: OnnxAttribute] {
  let name = "";
  let type = 0;
  const all: { -readonly [K in keyof OnnxAttribute]: OnnxAttribute[K] } & {
    floats: number[];
    ints: number[];
  } = { floats: [], ints: [] };
  for (const field of message) {
    if (field.number === 1) name = field.text();
    if (field.number === 2) all.float = field.float();
    if (field.number === 3) all.int = field.int();
    if (field.number === 4) all.text = field.text();
    if (field.number === 5) all.tensor = readTensor(field.message("t"), beside);
    if (field.number === 7) for (const value of field.floats()) all.floats.push(value);
    if (field.number === 8) for (const value of field.ints()) all.ints.push(value);
    if (field.number === 20) type = field.int();
  }
  return [name, ofType(type, all)];
}

/** The part of an attribute that its type selects; zeros may be missing from the file. */
function ofType(
  type: number,
  { float = 0, int = 0, text = "", tensor, floats = [], ints = [] }: OnnxAttribute,
): OnnxAttribute {
  if (type === 1) return { float };
  if (type === 2) return { int };
  if (type === 3) return { text };
  if (type === 4 && tensor) return { tensor };
  if (type === 6) return { floats };
  if (type === 7) return { ints };
  return {};
}

function readValue(message: Message): OnnxValue {
  let name = "";
  let shape: (number | string)[] = [];
  for (const field of message) {
    if (field.number === 1) name = field.text();
    if (field.number !== 2) continue;
    for (const type of field.message("type")) {
      if (type.number !== 1) continue;
      for (const part of type.message("tensor_type")) {
        if (part.number === 2) shape = [...part.message("shape")].map((dim) => readExtent(dim));
      }
    }
  }
  return { name, shape };
}

function readExtent(dim: Field): number | string {
  let extent: number | string = "";
  for (const field of dim.message("dim")) {
    if (field.number === 1) extent = field.int();
    if (field.number === 2) extent = field.text();
  }
  return extent;
}

/** The float types: their safetensors names, and the field that lists their values. */
const FLOATS: Readonly<Record<number, { readonly dtype: string; readonly list: number }>> = {
  [FLOAT]: { dtype: "F32", list: 4 },
  [FLOAT16]: { dtype: "F16", list: 5 },
  [DOUBLE]: { dtype: "F64", list: 10 },
  [BFLOAT16]: { dtype: "BF16", list: 5 },
};

function readTensor(message: Message, beside: ExternalData): OnnxTensor {
  const shape: number[] = [];
  let [name, type] = ["", 0];
  let raw: Uint8Array | undefined;
  const place: Record<string, string> = {};
  let isElsewhere = false;
  // Values are in raw bytes or in one of these lists, whose parts follow one another.
  const lists: Readonly<Record<number, Field[]>> = { 4: [], 5: [], 7: [], 10: [] };
  for (const field of message) {
    if (field.number === 1) for (const extent of field.ints()) shape.push(extent);
    if (field.number === 2) type = field.int();
    if (field.number === 8) name = field.text();
    if (field.number === 9) raw = field.bytes();
    if (field.number === 13) Object.assign(place, readEntry(field.message("external_data")));
    if (field.number === 14) isElsewhere = field.int() === 1;
    lists[field.number]?.push(field);
  }
  const fail = (reason: string): never => {
    const typeName = TYPE_NAMES[type] ?? `of type ${type}`;
    return message.fail(`"${name}" (${shape.join(", ")}) ${typeName} ${reason}`);
  };
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) fail("has an impossible shape");
  const count = shape.reduce((product, extent) => product * extent, 1);
  const external = isElsewhere ? readPlace(message, name, place) : undefined;
  const stored = (): Uint8Array | undefined => (external ? cutOut(message, name, external, beside) : raw);
  const filling = (bytes: Uint8Array, width: number): Uint8Array =>
    bytes.length === count * width ? bytes : fail(`has ${bytes.length} bytes instead of ${count * width}`);
  const listed = (list: number): number[] => lists[list]!.flatMap((field) => field.ints());
  const read = (): Float32Array => {
    const { dtype, list } = FLOATS[type] ?? fail("is not of a floating-point type");
    const width = ELEMENT_BYTES[dtype]!;
    // Halves are listed as integers that hold their bits.
    const values = (): Uint8Array =>
      width === 2
        ? new Uint8Array(Uint16Array.from(listed(list)).buffer)
        : concatenate(lists[list]!.map((field) => field.fixed(width)));
    return decodeFloats(dtype, filling(stored() ?? values(), width))!;
  };
  let floats: Float32Array | undefined;
  return {
    name,
    shape,
    ...(external && { external }),
    isInteger: type === INT64 || type === INT32,
    floats() {
      floats ??= read();
      return floats;
    },
    ints() {
      if (type !== INT64 && type !== INT32) return fail("is not of type INT64 or INT32");
      const bytes = stored();
      if (!bytes) {
        const values = listed(type === INT64 ? 7 : 5);
        return values.length === count ? values : fail(`has ${values.length} values`);
      }
      const { buffer } = filling(bytes, type === INT64 ? 8 : 4).slice();
      return Array.from<bigint | number, number>(
        type === INT64 ? new BigInt64Array(buffer) : new Int32Array(buffer),
        Number,
      );
    },
  };
}

function readEntry(message: Message): Record<string, string> {
  let [key, value] = ["", ""];
  for (const field of message) {
    if (field.number === 1) key = field.text();
    if (field.number === 2) value = field.text();
  }
  return ["location", "offset", "length"].includes(key) ? { [key]: value } : {};
}

/** Where values in another file are. Throws WeightsError for any place but a file beside this one. */
function readPlace(
  message: Message,
  name: string,
  { location: file = "", offset = "0", length }: Readonly<Record<string, string>>,
): ExternalPlace {
  if (!/^(?!\.)[^/\\?#%:\0]{1,255}$/.test(file)) {
    message.fail(`the values of "${name}" are in "${file}", which is not a file beside this one`);
  }
  const [begin, bytes] = [Number(offset), length === undefined ? undefined : Number(length)];
  if (![begin, bytes ?? 0].every((n) => Number.isSafeInteger(n) && n >= 0)) {
    message.fail(`the values of "${name}" are at offset "${offset}", length "${length}" of ${file}`);
  }
  return { file, offset: begin, ...(bytes !== undefined && { length: bytes }) };
}

function cutOut(message: Message, name: string, place: ExternalPlace, beside: ExternalData): Uint8Array {
  const { file, offset, length } = place;
  const bytes = beside.get(file);
  if (!bytes) {
    return message.fail(
      `the values of "${name}" are in another file, ${file}; give loadPretrained both files, or importOnnx ` +
        `{ externalData: new Map([["${file}", its bytes]]) }, or ` +
        "export the model as one file with torch.onnx.export(…, external_data=False)",
    );
  }
  const end = length === undefined ? bytes.length : offset + length;
  if (offset > end || end > bytes.length) {
    message.fail(
      `the values of "${name}" are at bytes ${offset}–${end} of ${file}, which has ${bytes.length}; it may be cut ` +
        "short, or of another export",
    );
  }
  return bytes.subarray(offset, end);
}

/** A model for `encodeOnnx`, with f32 tensors. */
export interface OnnxContent extends Omit<OnnxModel, "tensors"> {
  readonly name: string;
  readonly tensors: NamedWeights;
}

/** The format version that goes with opset 17. */
const IR_VERSION = 8;

/** Encodes a model; the inverse of `decodeOnnx`. */
export function encodeOnnx(content: OnnxContent): Uint8Array<ArrayBuffer> {
  const { name, opset, inputs, outputs, tensors, nodes } = content;
  return new MessageWriter()
    .int(1, IR_VERSION)
    .text(2, "webgraft")
    .message(7, (graph) => {
      for (const node of nodes) graph.message(1, (m) => writeNode(m, node));
      graph.text(2, name);
      for (const [key, { shape, data }] of tensors) {
        graph.message(5, (m) => {
          m.ints(1, shape).int(2, FLOAT).text(8, key);
          m.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        });
      }
      for (const value of inputs) graph.message(11, (m) => writeValue(m, value));
      for (const value of outputs) graph.message(12, (m) => writeValue(m, value));
    })
    .message(8, (m) => m.text(1, "").int(2, opset))
    .finish();
}

function writeNode(message: MessageWriter, { op, name, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(3, name).text(4, op);
  for (const [key, { float, int, text, ints }] of Object.entries(attributes)) {
    message.message(5, (m) => {
      m.text(1, key);
      if (float !== undefined) m.float(2, float).int(20, 1);
      else if (int !== undefined) m.int(3, int).int(20, 2);
      else if (text !== undefined) m.text(4, text).int(20, 3);
      else if (ints !== undefined) m.ints(8, ints).int(20, 7);
      else throw new WeightsError(`onnx: attribute ${key} of ${name} is of a kind that cannot be written`);
    });
  }
}

function writeValue(message: MessageWriter, { name, shape }: OnnxValue): void {
  message.text(1, name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, FLOAT).message(2, (m) => {
        for (const extent of shape) {
          m.message(1, (dim) => (typeof extent === "number" ? dim.int(1, extent) : dim.text(2, extent)));
        }
      });
    }),
  );
}

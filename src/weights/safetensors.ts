/**
 * The safetensors format: the header's length as 8 bytes, little-endian; a JSON header
 * `{ name: { dtype, shape, data_offsets: [begin, end] }, __metadata__: { key: text } }`; then the data.
 * https://huggingface.co/docs/safetensors. Reading trusts nothing in a file; writing aligns the data.
 */
import { WeightsError } from "../base/errors.ts";
import { anyObject, check, list, object, parseJson, record, size, string, value } from "../base/schema.ts";
import { decodeFloats, ELEMENT_BYTES, encodeHalf } from "./dtypes.ts";

/** A file begins with the header's length in so many bytes. */
export const PREAMBLE_BYTES = 8;

/** The reference reader's limit; no real model has a larger header. */
const MAX_HEADER_BYTES = 100_000_000;

/** A tensor as the header describes it. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The tensor's bytes: a view into the file. */
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor for `encodeSafetensors`: floats are written as F32, or as F16 if `dtype` says so, 64-bit integers as I64. */
export interface TensorData {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
  readonly dtype?: "F32" | "F16";
}

/** Encodes tensors and text metadata. Wider types come first, so that every tensor is aligned. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = [...tensors]
    .map(([name, { shape, data, dtype = "F32" }]) => {
      if (data instanceof BigInt64Array) return { name, dtype: "I64", shape, data };
      return { name, dtype, shape, data: dtype === "F16" ? encodeHalf(data) : data };
    })
    .sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  let length = 0;
  const entries = parts.map(({ name, dtype, shape, data }) => {
    const begin = length;
    length += data.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, length] }] as const;
  });
  const header = Object.fromEntries<unknown>([["__metadata__", metadata], ...entries]);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(PREAMBLE_BYTES + headerBytes + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, PREAMBLE_BYTES, PREAMBLE_BYTES + headerBytes);
  file.set(text, PREAMBLE_BYTES);
  let at = PREAMBLE_BYTES + headerBytes;
  for (const { data } of parts) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * Decodes a file; tensors are views, nothing is copied. Throws WeightsError, naming `source`, for anything but a
 * well-formed safetensors file.
 */
export function decodeSafetensors(file: Uint8Array, source: string): SafetensorsFile {
  const start = PREAMBLE_BYTES + headerLength(file, file.length, source);
  const header = parseHeader(file.subarray(PREAMBLE_BYTES, start), file.length - start, source);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, end }] of header.tensors) {
    tensors.set(name, { dtype, shape, bytes: file.subarray(start + begin, start + end) });
  }
  return { tensors, metadata: header.metadata };
}

/** So many bytes at a file's beginning tell what it is. */
export const HEAD_BYTES = 96;

const PYTORCH = `python -c 'import torch; from safetensors.torch import save_file; w = torch.load("w.pth", map_location="cpu", weights_only=True); save_file(w.get("state_dict", w), "w.safetensors")'`;
const NUMPY = `python -c 'import numpy; from safetensors.numpy import save_file; save_file(dict(numpy.load("w.npz")), "w.safetensors")'`;
/** The command that converts an .h5 file to a layers model. */
const KERAS = "tensorflowjs_converter --input_format=keras model.h5 folder";
/** The commands that convert a .keras file to one. */
export const KERAS_3 = `python -c 'import keras; keras.saving.load_model("model.keras").save("model.h5")' and ${KERAS}`;

/** How they begin; a zip file has the name of its first part at byte 30. */
const KINDS: readonly (readonly [begin: RegExp, is: string])[] = [
  [/^$/, "is empty; the download or the export that made it may have failed"],
  [/^PK.{28}[\w./ -]*\.npy/s, `is an .npz file of NumPy; convert it with ${NUMPY}`],
  [/^PK.{28}(metadata|config)\.json/s, `is a .keras file; convert it with ${KERAS_3}`],
  [/^PK.{28}[^/]+\/(data\.pkl|\.format|byteorder)/s, `is a file of PyTorch; convert it with ${PYTORCH}`],
  [
    /^PK.{28}[^/]+\/(data|code)\//s,
    "is a TorchScript file; save the state_dict() of torch.jit.load as safetensors",
  ],
  [
    /^PK/,
    `is a zip file, as PyTorch (.pt, .pth) and Keras (.keras) write; save the weights as safetensors: ${PYTORCH}`,
  ],
  [/^\x80[^ -~]/, `is a pickle, as PyTorch wrote before 1.6 (.pth); convert it with ${PYTORCH}`],
  [/^\x89HDF/, `is an HDF5 file, as Keras (.h5) writes; convert it with ${KERAS}`],
  [
    /^\x93NUMPY/,
    "is an .npy file of NumPy, one tensor without a name; save all of them by name as safetensors",
  ],
  [/^GGUF/, "is a GGUF file, as llama.cpp reads; take the safetensors file that it was made from"],
  [
    /^.{4}TFL3/s,
    "is a TensorFlow Lite file; convert it with python -m tf2onnx.convert --tflite model.tflite --output model.onnx",
  ],
  [/^version /, "is a Git LFS pointer instead of the file; fetch the file with git lfs pull"],
  [/^(\xef\xbb\xbf)?\s*</, "is a web page instead of the file; check its address"],
  [/^(\xef\xbb\xbf)?\s*\{\s*"/, "is JSON instead of the file, such as a server's answer; check its address"],
  [/^[^ -~]\x8b/, "is a gzip archive; unpack it"],
  [
    /^(Entry|Repository|Not|Access|Invalid|Unauthorized|Forbidden)\b[\x20-\x7e]*/i,
    "is a server's answer instead of the file; check its address, and whether it asks for a login",
  ],
];

/** What a file is instead of weights, as told by its first `HEAD_BYTES` or fewer; undefined if that is not known. */
export function mistaken(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, HEAD_BYTES));
  return KINDS.find(([begin]) => begin.test(text))?.[1];
}

/** Throws WeightsError for a file that is known to be something else than what is expected. */
export function refuseMistaken(file: Uint8Array, source: string): void {
  const other = mistaken(file);
  if (other) throw new WeightsError(`${source}: ${other}`);
}

/** The header's length, from the file's first bytes. `fileBytes` is undefined if it is not known. */
export function headerLength(preamble: Uint8Array, fileBytes: number | undefined, source: string): number {
  if (preamble.length < PREAMBLE_BYTES) {
    const reason = `not a safetensors file: ${preamble.length} bytes cannot hold the 8-byte header length`;
    throw new WeightsError(`${source}: ${mistaken(preamble) ?? reason}`);
  }
  const length = new DataView(preamble.buffer, preamble.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, (fileBytes ?? Number.POSITIVE_INFINITY) - PREAMBLE_BYTES))) {
    const given = fileBytes === undefined ? "" : ` in a file of ${fileBytes}`;
    const reason =
      mistaken(preamble) ?? `not a safetensors file, or cut short: header of ${length} bytes${given}`;
    throw new WeightsError(`${source}: ${reason}`);
  }
  return Number(length);
}

const entrySchema = object({
  dtype: value<string>(
    "a type of safetensors, such as F32",
    (value) => typeof value === "string" && Object.hasOwn(ELEMENT_BYTES, value),
  ),
  shape: list(size),
  data_offsets: list(size, 2, 2),
});

/**
 * Reads a header whose tensors must fill `dataBytes` (undefined if not known) without gap or overlap.
 * Throws WeightsError, naming `source`.
 */
export function parseHeader(
  bytes: Uint8Array,
  dataBytes: number | undefined,
  source: string,
): SafetensorsHeader {
  const fail = (reason: string): never => {
    throw new WeightsError(`${source}: ${reason}`);
  };
  const header = parseJson(anyObject, bytes, `${source}: the header`, WeightsError);
  const tensors = new Map<string, TensorEntry>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, entry] of Object.entries(header)) {
    const what = `${source}: ${name}`;
    if (name === "__metadata__") {
      metadata = check(record(string), entry, what, WeightsError);
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = check(entrySchema, entry, what, WeightsError);
    const [begin, end] = offsets as [number, number];
    if (end < begin || (dataBytes !== undefined && end > dataBytes)) {
      return fail(
        `${name} lies at bytes ${begin}–${end} of ${dataBytes ?? "the data"}; the file may be cut short`,
      );
    }
    const expected = shape.reduce((product, extent) => product * extent, ELEMENT_BYTES[dtype]!);
    if (expected !== end - begin) {
      return fail(
        `${name} (${shape.join(", ")}) ${dtype} takes ${expected} bytes, but ${end - begin} are given`,
      );
    }
    tensors.set(name, { dtype, shape, begin, end });
  }
  let filled = 0;
  for (const [name, { begin, end }] of [...tensors].sort(
    ([, a], [, b]) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin !== filled)
      return fail(`${name} begins at byte ${begin}; the data before it ends at ${filled}`);
    filled = end;
  }
  if (dataBytes !== undefined && filled !== dataBytes) {
    return fail(`${dataBytes} bytes of data, but the header describes ${filled}`);
  }
  return { tensors, metadata };
}

/** The entry of a tensor. Throws WeightsError if there is no such tensor. */
export function lookUp<T>(tensors: ReadonlyMap<string, T>, name: string, source: string): T {
  const entry = tensors.get(name);
  if (entry === undefined) throw new WeightsError(`${source}: there is no tensor ${name}`);
  return entry;
}

/** The values of a tensor of floats as f32, perhaps as a view. Throws WeightsError for another dtype. */
export function float32Values(
  name: string,
  { dtype, bytes }: Pick<StoredTensor, "dtype" | "bytes">,
): Float32Array {
  const values = decodeFloats(dtype, bytes);
  if (!values) throw new WeightsError(`${name}: must be F32, F16, BF16 or F64 — got ${dtype}`);
  return values;
}

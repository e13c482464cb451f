/**
 * The safetensors container: 8 bytes little-endian header length, a JSON header
 * `{ name: { dtype, shape, data_offsets: [begin, end] }, __metadata__: { key: text } }`, then the bytes.
 * https://huggingface.co/docs/safetensors — read with nothing trusted, written with 8-byte aligned data.
 */
import { WeightsError } from "../errors.ts";

/** Bytes an element takes, by the format's name of its type. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** No header of a real model is larger (the reference reader has the same limit). */
const MAX_HEADER_BYTES = 100_000_000;

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

/** Writes f32 tensors and text metadata. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(text, 8);
  let at = 8 + headerBytes;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * Reads a file; tensors are views, nothing is copied. Throws WeightsError, naming `source`, for anything
 * that is not a sound safetensors file.
 */
export function decodeSafetensors(file: Uint8Array, source: string): SafetensorsFile {
  const fail = (reason: string): never => {
    throw new WeightsError(`${source}: ${reason}`);
  };
  if (file.length < 8)
    fail(`not a safetensors file: ${file.length} bytes are less than its 8-byte header length`);
  const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, file.length - 8))) {
    fail(`not a safetensors file, or cut short: header of ${length} bytes in a file of ${file.length}`);
  }
  const start = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, start)));
  } catch (cause) {
    throw new WeightsError(`${source}: the header is not JSON`, { cause });
  }
  if (!isRecord(header)) return fail("the header is not a JSON object");
  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  const ranges: (readonly [begin: number, end: number, name: string])[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isRecord(entry) || Object.values(entry).some((v) => typeof v !== "string")) {
        return fail("__metadata__ must map text to text");
      }
      metadata = entry as Record<string, string>;
      continue;
    }
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = isRecord(entry) ? entry : fail(`${name} is not described`);
    const bytesEach = typeof dtype === "string" ? ELEMENT_BYTES[dtype] : undefined;
    if (bytesEach === undefined) return fail(`${name} has the unknown dtype ${JSON.stringify(dtype)}`);
    if (!isCountList(shape)) return fail(`${name} has the shape ${JSON.stringify(shape)}`);
    if (!isCountList(offsets) || offsets.length !== 2)
      return fail(`${name} has the offsets ${JSON.stringify(offsets)}`);
    const [begin, end] = offsets as [number, number];
    if (end < begin || end > file.length - start) {
      return fail(
        `${name} lies at bytes ${begin}–${end} of ${file.length - start}; the file may be cut short`,
      );
    }
    const expected = shape.reduce((product, extent) => product * extent, bytesEach);
    if (expected !== end - begin) {
      return fail(
        `${name} (${shape.join(", ")}) ${dtype} takes ${expected} bytes, but ${end - begin} are given`,
      );
    }
    ranges.push([begin, end, name]);
    tensors.set(name, { dtype: dtype as string, shape, bytes: file.subarray(start + begin, start + end) });
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let filled = 0;
  for (const [begin, end, name] of ranges) {
    if (begin !== filled)
      return fail(`${name} begins at byte ${begin}; the data before it ends at ${filled}`);
    filled = end;
  }
  if (filled !== file.length - start) {
    return fail(`${file.length - start} bytes of data, but the header describes ${filled}`);
  }
  return { tensors, metadata };
}

/** The values of a tensor stored as F32; WeightsError for another dtype. */
export function float32Values(name: string, { dtype, bytes }: StoredTensor): Float32Array {
  if (dtype !== "F32") throw new WeightsError(`${name}: expects F32, the file has ${dtype}`);
  return new Float32Array(bytes.slice().buffer);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCountList = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0);

import { DataError } from "../../base/errors.ts";
import { createDataset, type Dataset } from "../dataset.ts";

/** The contents of an IDX file of unsigned bytes. */
export interface Idx {
  readonly shape: readonly number[];
  /** A view of the file's bytes. */
  readonly data: Uint8Array;
}

/** An IDX file: its bytes, and its name for errors. */
export interface IdxFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The two files of one split, images (n, height, width) and labels (n). */
export interface IdxPair {
  readonly images: IdxFile;
  readonly labels: IdxFile;
}

/** What IDX files do not tell of a data set. */
export type IdxAbout = Pick<Dataset, "name" | "classes" | "normalize">;

const unsignedByte = 0x08;

/**
 * Reads an IDX file: two zero bytes, a type byte, the rank, a big-endian u32 per dimension, then the values. Only
 * unsigned bytes are supported, which the MNIST family has. Throws DataError for any other file.
 * (The format: yann.lecun.com/exdb/mnist.)
 */
export function parseIdx({ name, bytes }: IdxFile): Idx {
  const fail = (reason: string): never => {
    throw new DataError(`IDX file ${name}: ${reason}`);
  };
  const [zero0, zero1, type, rank] = bytes;
  if (rank === undefined) return fail(`is cut short — ${bytes.length} bytes, but the header alone has 4`);
  if (zero0 === 0x1f && zero1 === 0x8b) fail("is gzip-compressed; decompress it first");
  if (zero0 !== 0 || zero1 !== 0) fail(`must start with two zero bytes — got ${zero0}, ${zero1}`);
  if (type !== unsignedByte) fail(`must hold unsigned bytes, type ${unsignedByte} — got type ${type}`);
  if (rank === 0) fail("has no dimensions");
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    fail(`is cut short — ${bytes.length} bytes, but ${rank} dimensions take ${start}`);

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  // Past 2⁵³ the product is inexact, but still larger than any file.
  const length = shape.reduce((product, extent) => product * extent, 1);
  const given = bytes.length - start;
  if (given !== length) {
    fail(
      `is ${given < length ? "cut short" : "too long"} — (${shape.join(", ")}) takes ${length} bytes, got ${given}`,
    );
  }
  return { shape, data: bytes.subarray(start) };
}

/** Bytes of an IDX file of this shape. */
export const idxLength = (shape: readonly number[]): number =>
  4 + 4 * shape.length + shape.reduce((product, extent) => product * extent, 1);

/** Writes an IDX file; the inverse of `parseIdx`. */
export function formatIdx({ shape, data }: Idx): Uint8Array {
  const bytes = new Uint8Array(idxLength(shape));
  bytes.set([0, 0, unsignedByte, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((extent, axis) => {
    view.setUint32(4 + 4 * axis, extent);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

/** Makes a data set of grey images from a pair of IDX files. Throws DataError if the two do not fit. */
export function idxDataset(files: IdxPair, about: IdxAbout): Dataset {
  const images = parseIdx(files.images);
  const labels = parseIdx(files.labels);
  const [count, height, width] = images.shape;
  if (height === undefined || width === undefined || images.shape.length !== 3) {
    throw new DataError(
      `IDX file ${files.images.name}: images must have the dimensions (n, height, width) — got (${images.shape.join(", ")})`,
    );
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new DataError(
      `IDX file ${files.labels.name}: ${count} images need as many labels — got (${labels.shape.join(", ")})`,
    );
  }
  return createDataset({
    ...about,
    shape: [height, width, 1],
    images: images.data,
    labels: Int32Array.from(labels.data),
  });
}

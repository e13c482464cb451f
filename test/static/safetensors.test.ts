import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../src/errors.ts";
import type { Variable } from "../../src/graph/graph.ts";
import { fileShape, fromFile, toFile } from "../../src/weights/layout.ts";
import { decodeSafetensors, encodeSafetensors, float32Values } from "../../src/weights/safetensors.ts";

const tensors = new Map([
  ["conv1.weight", { shape: [2, 1, 3, 3], data: Float32Array.from({ length: 18 }, (_, i) => i / 7) }],
  ["fc.bias", { shape: [5], data: Float32Array.of(1, -2, 3.5, Number.MIN_VALUE, 1e30) }],
  ["step", { shape: [], data: Float32Array.of(42) }],
]);
const file = encodeSafetensors(tensors, { format: "webgraft", note: "naïve – ünïcode" });

/** A file with this header text and this many bytes of data. */
function withHeader(header: unknown, dataBytes = 8): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

describe("safetensors", () => {
  it("reads what it wrote", () => {
    const { tensors: read, metadata } = decodeSafetensors(file, "model.safetensors");
    expect(metadata).toEqual({ format: "webgraft", note: "naïve – ünïcode" });
    expect([...read.keys()]).toEqual([...tensors.keys()]);
    for (const [name, { shape, data }] of tensors) {
      expect(read.get(name)!.shape).toEqual(shape);
      expect(float32Values(name, read.get(name)!)).toEqual(data);
    }
  });

  it("begins the data at a multiple of 8 bytes", () => {
    expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  it("refuses a file cut at any byte", () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeSafetensors(file.subarray(0, length), "cut"), `${length} bytes`).toThrow(
        WeightsError,
      );
    }
  });

  it("refuses or reads soundly whatever bytes are changed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const changed = file.slice();
          for (const [at, byte] of changes) changed[at] = byte;
          try {
            for (const { bytes } of decodeSafetensors(changed, "changed").tensors.values()) {
              expect(bytes.length).toBeLessThanOrEqual(file.length);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(WeightsError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    [
      "a header length beyond the file",
      Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 0),
      /header of 18446744073709551615/,
    ],
    ["a header that is no JSON", withHeader("{"), /not JSON/],
    ["a header that is a list", withHeader([]), /not a JSON object/],
    [
      "an unknown dtype",
      withHeader({ a: { dtype: "F31", shape: [2], data_offsets: [0, 8] } }),
      /unknown dtype "F31"/,
    ],
    [
      "a negative extent",
      withHeader({ a: { dtype: "F32", shape: [-2], data_offsets: [0, 8] } }),
      /shape \[-2\]/,
    ],
    [
      "an absurd extent",
      withHeader({ a: { dtype: "F32", shape: [2 ** 40], data_offsets: [0, 8] } }),
      /takes 4398046511104 bytes/,
    ],
    [
      "offsets beyond the data",
      withHeader({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } }),
      /bytes 0–16 of 8/,
    ],
    [
      "offsets in reverse",
      withHeader({ a: { dtype: "F32", shape: [0], data_offsets: [8, 0] } }),
      /bytes 8–0/,
    ],
    [
      "overlapping tensors",
      withHeader({
        a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
        b: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
      }),
      /b begins at byte 4; the data before it ends at 8/,
    ],
    [
      "data nobody describes",
      withHeader({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }),
      /describes 4/,
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "bad.safetensors")).toThrow(message);
  });
});

describe("layouts of weight files", () => {
  const variable = (shape: number[], flattened?: readonly [number, number, number]): Variable =>
    ({ tensor: { shape }, flattened }) as unknown as Variable;
  const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i);

  it("puts convolutions in [K, C, R, S] order", () => {
    const conv = variable([1, 2, 2, 3]);
    expect(fileShape(conv)).toEqual([3, 2, 1, 2]);
    // ours[r][s][c][k] counts up; [k][c][r][s] is therefore s·6 + c·3 + k.
    expect([...toFile(conv, count(12))]).toEqual([0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11]);
  });

  it("turns the rows of a dense layer after a flatten from (H, W, C) to (C, H, W)", () => {
    const dense = variable([4, 1], [1, 2, 2]);
    expect([...toFile(dense, count(4))]).toEqual([0, 2, 1, 3]);
  });

  it("gives back what it was given", () => {
    for (const v of [variable([3, 2, 5, 7]), variable([12, 5], [2, 2, 3]), variable([6, 4]), variable([9])]) {
      const values = count(v.tensor.shape.reduce((a, b) => a * b));
      expect(fromFile(v, toFile(v, values))).toEqual(values);
    }
  });
});

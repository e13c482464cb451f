import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import type { Variable } from "../../../src/graph/graph.ts";
import { openSafetensors } from "../../../src/weights/file.ts";
import { fileShape, fitsShape, fromFile, toFile } from "../../../src/weights/layout.ts";
import { loadWeights } from "../../../src/weights/load.ts";
import { decodeSafetensors, encodeSafetensors, float32Values } from "../../../src/weights/safetensors.ts";
import { memoryTarget, tinyResnet, tinyVgg, weightsFixture } from "../../support/data/weights.ts";

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

  it.each([
    [
      "a header length beyond the file",
      Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 0),
      /header of 18446744073709551615/,
    ],
    ["a header that is no JSON", withHeader("{"), /not JSON/],
    ["a header that is a list", withHeader([]), /header: it must be an object — got \[\]/],
    [
      "an unknown dtype",
      withHeader({ a: { dtype: "F31", shape: [2], data_offsets: [0, 8] } }),
      /a: dtype must be a type of safetensors, such as F32 — got "F31"/,
    ],
    [
      "a negative extent",
      withHeader({ a: { dtype: "F32", shape: [-2], data_offsets: [0, 8] } }),
      /a: shape\[0\] must be a whole number, not negative — got -2/,
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
      "overlap by a whole tensor",
      withHeader({
        a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
        b: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      }),
      /b begins at byte 0; the data before it ends at 8/,
    ],
    [
      "extents whose product is beyond all numbers",
      withHeader({ a: { dtype: "F32", shape: Array(100).fill(2 ** 50), data_offsets: [0, 8] } }),
      /takes Infinity bytes/,
    ],
    [
      "a dtype that objects have",
      withHeader({ a: { dtype: "constructor", shape: [2], data_offsets: [0, 8] } }),
      /a: dtype must be a type of safetensors, .* — got "constructor"/,
    ],
    ["text that is not UTF-8", Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x22, 0xff, 0x22), /not JSON/],
    [
      "metadata that is no text",
      withHeader({ __metadata__: { a: 1 } }, 0),
      /__metadata__: a must be text — got 1/,
    ],
    ["a header nested deep", withHeader("[".repeat(200_000)), /not JSON/],
    [
      "data nobody describes",
      withHeader({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }),
      /describes 4/,
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "bad.safetensors")).toThrow(message);
  });
});

/** Files of an outside tool and one of ours. */
const files: (readonly [name: string, bytes: Uint8Array<ArrayBuffer>])[] = [
  ["one of ours", file],
  ...["resnet-torchvision-f16", "resnet-transformers", "vgg-timm"].map(
    (name) => [name, weightsFixture(`${name}.safetensors`)] as const,
  ),
];
describe.each(files)("damaged: %s", (name, sound) => {
  const headerEnd = 8 + Number(new DataView(sound.buffer).getBigUint64(0, true));
  const model = name.startsWith("vgg") ? tinyVgg : tinyResnet();

  /** Reads all that a file has, by both readers and into a model; any error but a WeightsError gets out. */
  async function readAll(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    try {
      const { tensors } = decodeSafetensors(bytes, name);
      for (const tensor of tensors.values()) expect(tensor.bytes.length).toBeLessThanOrEqual(bytes.length);
      const opened = await openSafetensors(new Blob([bytes]));
      expect([...opened.tensors.keys()]).toEqual([...tensors.keys()]);
      const floats = [...tensors].filter(([, { dtype }]) => /^(F32|F16|BF16|F64)$/.test(dtype));
      const values = await opened.read(floats.map(([key]) => key));
      for (const [key, { shape }] of floats)
        expect(values.get(key)!.length).toBe(shape.reduce((a, b) => a * b, 1));
      await loadWeights(memoryTarget(model), opened, { strict: false });
      return true;
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error;
      return false;
    }
  }

  it("is refused when cut anywhere", async () => {
    for (let length = 0; length < sound.length; length += length < headerEnd ? 1 : 7) {
      const cut = sound.slice(0, length);
      expect(() => decodeSafetensors(cut, name), `${length} bytes`).toThrow(WeightsError);
      if (length % 50 === 0) {
        await expect(openSafetensors(new Blob([cut])), `${length} bytes`).rejects.toThrow(WeightsError);
      }
    }
  });

  it("is refused or read soundly whatever bytes are changed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(headerEnd - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const changed = sound.slice();
          for (const [at, byte] of changes) changed[at] = byte;
          await readAll(changed);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is refused or read soundly whatever numbers and words its header has", async () => {
    const text = new TextDecoder().decode(sound.subarray(8, headerEnd));
    const tokens = [...text.matchAll(/-?\d+|"[^"]*"|[[\]{}]/g)];
    const anything = fc.oneof(
      fc.constantFrom(
        "-1",
        "0",
        "1",
        "1.5",
        "1e308",
        "9007199254740993",
        "18446744073709551616",
        "null",
        "[]",
        "{}",
      ),
      fc.constantFrom(
        '"F32"',
        '"F64"',
        '"I64"',
        '"__metadata__"',
        '"__proto__"',
        '"fc.weight"',
        '"data_offsets"',
        '""',
      ),
      fc.nat().map(String),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(tokens.length - 1), anything, async (index, word) => {
        const { 0: old, index: at } = tokens[index]!;
        const header = new TextEncoder().encode(text.slice(0, at) + word + text.slice(at + old.length));
        const changed = new Uint8Array(8 + header.length + sound.length - headerEnd);
        new DataView(changed.buffer).setBigUint64(0, BigInt(header.length), true);
        changed.set(header, 8);
        changed.set(sound.subarray(headerEnd), 8 + header.length);
        await readAll(changed);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when its header's length lies", async () => {
    const lengths = [
      0,
      1,
      headerEnd - 9,
      headerEnd - 7,
      sound.length - 8,
      sound.length,
      2 ** 27,
      2 ** 53,
    ].map(BigInt);
    for (const length of [...lengths, 2n ** 64n - 1n]) {
      const changed = sound.slice();
      new DataView(changed.buffer).setBigUint64(0, length, true);
      expect(await readAll(changed), String(length)).toBe(false);
    }
  });

  it("is read when it is not damaged", async () => {
    expect(await readAll(sound)).toBe(true);
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

  it("take a convolution over the whole map for a dense layer", () => {
    const dense = variable([24, 5], [2, 3, 4]);
    for (const [shape, fits] of [
      [[5, 24], true],
      [[5, 4, 2, 3], true],
      [[5, 4, 3, 2], false],
      [[5, 24, 1, 1], false],
      [[24, 5], false],
    ] as const) {
      expect(fitsShape(dense, shape), String(shape)).toBe(fits);
    }
    expect(fitsShape(variable([6, 5]), [5, 6, 1, 1])).toBe(true);
    expect(fitsShape(variable([1, 1, 6, 5]), [5, 6])).toBe(false);
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

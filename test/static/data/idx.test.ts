import fc from "fast-check";
import { expect, test } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { formatIdx, idxDataset, parseIdx } from "../../../src/data/mnist/idx.ts";
import { mnist } from "../../../src/data/mnist/mnist.ts";

const image = (shape: number[]) =>
  formatIdx({ shape, data: Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i) });

test("reads what formatIdx wrote, from the middle of a buffer too", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.nat(7),
      (shape, offset) => {
        const bytes = image(shape);
        const inside = new Uint8Array(bytes.length + offset + 3).subarray(offset, offset + bytes.length);
        inside.set(bytes);
        const read = parseIdx({ name: "x", bytes: inside });
        expect(read.shape).toEqual(shape);
        expect(formatIdx(read)).toEqual(bytes);
      },
    ),
  );
});

test("a file cut at any byte, or with a byte too many, is refused by name", () => {
  const bytes = image([3, 4, 5]);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => parseIdx({ name: "train.idx", bytes: bytes.subarray(0, length) })).toThrow(
      /IDX file train\.idx: is cut short/,
    );
  }
  const long = new Uint8Array(bytes.length + 1);
  long.set(bytes);
  expect(() => parseIdx({ name: "train.idx", bytes: long })).toThrow(
    /too long — \(3, 4, 5\) takes 60 bytes, got 61/,
  );
});

test("absurd dimensions are refused before anything is allocated", () => {
  const bytes = Uint8Array.from([0, 0, 8, 3, ...Array<number>(12).fill(255), 1, 2, 3]);
  expect(() => parseIdx({ name: "x", bytes })).toThrow(
    /\(4294967295, 4294967295, 4294967295\) takes .* got 3/,
  );
});

test("arbitrary bytes are read or refused with a DataError", () => {
  const header = fc.tuple(fc.constantFrom(0, 1), fc.constant(0), fc.constantFrom(8, 13), fc.nat(255));
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 40 }), (start, rest) => {
      try {
        parseIdx({ name: "x", bytes: Uint8Array.from([...start, ...rest]) });
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
      }
    }),
  );
});

test.each([
  [[0x1f, 0x8b, 8, 0], /gzip-compressed/],
  [[60, 33, 68, 79], /two zero bytes — got 60, 33/],
  [[0, 0, 13, 1, 0, 0, 0, 0], /unsigned bytes, type 8 — got type 13/],
  [[0, 0, 8, 0], /no dimensions/],
])("says what %j is", (bytes, message) => {
  expect(() => parseIdx({ name: "x", bytes: Uint8Array.from(bytes) })).toThrow(message);
});

test("images and labels become a data set", () => {
  const files = {
    images: { name: "i", bytes: image([2, 3, 4]) },
    labels: { name: "l", bytes: formatIdx({ shape: [2], data: Uint8Array.of(7, 9) }) },
  };
  const dataset = mnist(files);
  expect([dataset.name, dataset.length, dataset.shape, [...dataset.labels]]).toEqual([
    "mnist",
    2,
    [3, 4, 1],
    [7, 9],
  ]);
  expect(dataset.images[5]).toBe(5);
});

test("files that do not belong together are refused", () => {
  const about = { name: "d", classes: ["a"], normalize: { mean: [0], std: [1] } };
  const labels = { name: "l", bytes: image([5]) };
  expect(() => idxDataset({ images: { name: "i", bytes: image([2, 3, 4]) }, labels }, about)).toThrow(
    /IDX file l: 2 images need as many labels — got \(5\)/,
  );
  expect(() => idxDataset({ images: labels, labels }, about)).toThrow(
    /IDX file l: images must have the dimensions .* \(5\)/,
  );
});

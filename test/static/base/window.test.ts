import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import {
  convOutput,
  type Padding,
  type Pair,
  pair,
  resolvePadding,
  samePadding,
  windowExtent,
} from "../../../src/base/window.ts";

const small = (min: number, max: number) => fc.integer({ min, max });

describe("shape", () => {
  it("counts the positions of a window", () => {
    fc.assert(
      fc.property(
        small(1, 20),
        small(1, 6),
        small(1, 4),
        small(1, 3),
        small(0, 5),
        (H, R, stride, apart, pad) => {
          const fits = (start: number) => start + (R - 1) * apart < H + pad;
          const positions = Array.from({ length: 30 }, (_, i) => i * stride).filter(fits);
          expect(Math.max(0, convOutput(H, R, stride, apart, pad))).toBe(positions.length);
        },
      ),
    );
  });

  it("knows the extent of a dilated window", () => {
    expect([windowExtent(1, 5), windowExtent(3, 1), windowExtent(3, 2)]).toEqual([1, 3, 5]);
  });

  it("pads to the same extent with the fewest zeros, the odd one after", () => {
    fc.assert(
      fc.property(small(1, 30), small(1, 7), small(1, 4), small(1, 3), (H, R, stride, apart) => {
        const [before, after] = samePadding(H, R, stride, apart);
        const wanted = Math.ceil(H / stride);
        expect(after - before === 0 || after - before === 1).toBe(true);
        expect(convOutput(H, R, stride, apart, before + after)).toBe(
          // Without padding there may be room for no more positions than wanted, never for fewer.
          before + after === 0 ? convOutput(H, R, stride, apart, 0) : wanted,
        );
        if (before + after > 0) {
          expect(convOutput(H, R, stride, apart, before + after - 1)).toBeLessThan(wanted);
        } else {
          expect(convOutput(H, R, stride, apart, 0)).toBe(wanted);
        }
      }),
    );
  });

  it("is asymmetric for an even input and stride 2, as TensorFlow's SAME", () => {
    expect(resolvePadding("same", [224, 7], [7, 3], [2, 2])).toEqual([2, 3, 1, 1]);
    expect(resolvePadding("same", [28, 28], [3, 3])).toEqual([1, 1, 1, 1]);
  });

  it("takes numbers for all sides, for the axes, or for each side", () => {
    expect(resolvePadding("valid", [5, 5], [3, 3])).toEqual([0, 0, 0, 0]);
    expect(resolvePadding(2, [5, 5], [3, 3])).toEqual([2, 2, 2, 2]);
    expect(resolvePadding([1, 3], [5, 5], [3, 3])).toEqual([1, 1, 3, 3]);
    expect(resolvePadding([1, 2, 3, 4], [5, 5], [3, 3])).toEqual([1, 2, 3, 4]);
  });

  it("refuses padding that is not a whole number of zeros", () => {
    expect(() => resolvePadding(-1, [5, 5], [3, 3])).toThrow(
      "padding: must be whole numbers, not negative — [-1, ",
    );
    expect(() => resolvePadding([0.5, 0], [5, 5], [3, 3])).toThrow("whole numbers, not negative");
  });
});

test.each<[unknown, RegExp]>([
  ["banana", /padding: must be "valid", "same", a number, or 2 or 4 numbers — got "banana"/],
  [{}, /— got an object/],
  [null, /— got null/],
  [[1, 2, 3], /padding: must be whole numbers/],
])("padding %j is a ShapeError", (padding, message) => {
  expect(() => resolvePadding(padding as Padding, [4, 4], [3, 3])).toThrow(ShapeError);
  expect(() => resolvePadding(padding as Padding, [4, 4], [3, 3])).toThrow(message);
});

test.each([undefined, "3", [], [1], {}, null])("the size %j is a ShapeError", (size) => {
  expect(() => pair(size as unknown as Pair)).toThrow(ShapeError);
});

/** Windows that end past the last pixel: the sizes that PyTorch gives, by the padding that makes them whole. */
import { expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { avgPool2d, maxPool2d } from "../../../src/layers/index.ts";
import { avgPool2dOp, maxPool2dOp } from "../../../src/ops/pool/pool.ts";
import { avgPool2d as reference } from "../../support/reference/pool.ts";

const image = (H: number, W = H) => new Graph({ mode: "train" }).input("x", [1, H, W, 1]);

it.each([
  // GoogLeNet's and SqueezeNet's: 112 would be 55 without it, 109 is 54 either way.
  [112, 3, 2, 0, 56, 55],
  [109, 3, 2, 0, 54, 54],
  [5, 2, 2, 0, 3, 2],
  [5, 2, 2, 1, 3, 3],
  // The last window would begin in the padding.
  [4, 2, 2, 1, 3, 3],
  [6, 3, 2, 1, 4, 3],
  [7, 2, 3, 0, 3, 2],
  // It would begin past the end.
  [8, 2, 5, 0, 2, 2],
  [5, 1, 5, 0, 1, 1],
])(
  "%i pixels, windows of %i by %i, padding %i: %i, not %i",
  (H, kernelSize, stride, padding, ceil, floor) => {
    const options = { kernelSize, stride, padding, countIncludePad: false };
    for (const pool of [maxPool2d, avgPool2d]) {
      expect(pool(image(H), { ...options, ceilMode: true }).shape[1]).toBe(ceil);
      expect(pool(image(H), options).shape[1]).toBe(floor);
    }
  },
);

it("pads after the last pixel only, by less than a window", () => {
  const options = { kernelSize: [3, 2], stride: 2, padding: [1, 0], ceilMode: true } as const;
  expect(maxPool2dOp.attrsOf({ x: image(6, 5) }, options).padding).toEqual([1, 2, 0, 1]);
});

it("divides by the pixels that a window has", () => {
  const x = { shape: [1, 1, 5, 1], data: Float64Array.of(1, 2, 3, 4, 5) };
  const attrs = avgPool2dOp.attrsOf({ x: image(1, 5) }, { kernelSize: [1, 2], ceilMode: true });
  expect([...reference(x, attrs).data]).toEqual([1.5, 3.5, 5]);
});

it("counts the padding, but not what makes the last windows whole", () => {
  const x = { shape: [1, 1, 4, 1], data: Float64Array.of(1, 2, 3, 4) };
  const options = { kernelSize: [1, 3], stride: [1, 3], padding: [0, 1], ceilMode: true } as const;
  const attrs = avgPool2dOp.attrsOf({ x: image(1, 4) }, options);
  expect([...reference(x, attrs).data]).toEqual([1, 7 / 3]);
  const longer = { shape: [1, 1, 5, 1], data: Float64Array.of(1, 2, 3, 4, 5) };
  // 1 2 · and 3 4 5, then one of the padding alone would begin past the end.
  expect([...reference(longer, avgPool2dOp.attrsOf({ x: image(1, 5) }, options)).data]).toEqual([1, 4]);
  const six = { shape: [1, 1, 6, 1], data: Float64Array.of(1, 2, 3, 4, 5, 6) };
  // · 1 2, 3 4 5, and 6 with a zero, two cells of the padded map.
  expect([...reference(six, avgPool2dOp.attrsOf({ x: image(1, 6) }, options)).data]).toEqual([1, 4, 3]);
});

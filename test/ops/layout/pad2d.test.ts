import { expect, test } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { crop2d, pad2d as layer } from "../../../src/layers/index.ts";
import { testOp } from "../../support/op/op-test.ts";
import { pad2d } from "./pad2d.ts";

testOp(pad2d);

test("maps are padded and cropped to their sizes, or refused with them", () => {
  const x = new Graph({ mode: "train" }).input("x", [2, 3, 5, 6]);
  expect(layer(x, [1, 2]).shape).toEqual([2, 5, 9, 6]);
  expect(layer(x, [1, 2, 0, 4], { mode: "reflect" }).shape).toEqual([2, 6, 9, 6]);
  expect(crop2d(x, [1, 0, 2, 1]).shape).toEqual([2, 2, 2, 6]);
  expect(layer(x, 0)).toBe(x);
  for (const [build, message] of [
    [() => layer(x, 3, { mode: "reflect" }), /^pad2d: reflected padding must be smaller .* x \(2, 3, 5, 6\)/],
    [() => layer(x, 1, { value: Number.NaN }), /^pad2d: value must be finite, not NaN/],
    [() => layer(x, -1), /not negative/],
    [() => crop2d(x, 0.5), /whole numbers/],
    [() => crop2d(x, [2, 0]), /^pad2d: no pixel is left — padding -2, -2, 0, 0, x/],
    [() => layer(new Graph({ mode: "eval" }).input("v", [2, 3]), 1), /\(N, H, W, C\)/],
  ] as const) {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  }
});

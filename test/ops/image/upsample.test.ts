import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { upsample as layer } from "../../../src/layers/index.ts";
import { testOp } from "../../support/op/op-test.ts";
import { upsample as reference } from "../../support/reference/upsample.ts";
import { upsample } from "./upsample.ts";

testOp(upsample);

test("the reference gives what PyTorch's documentation of nn.Upsample shows", () => {
  const x = { shape: [1, 2, 2, 1], data: Float64Array.of(1, 2, 3, 4) };
  expect([...reference(x, { size: [4, 4], mode: "nearest" }).data]).toEqual([
    ...[1, 1, 2, 2],
    ...[1, 1, 2, 2],
    ...[3, 3, 4, 4],
    ...[3, 3, 4, 4],
  ]);
  expect([...reference(x, { size: [4, 4], mode: "bilinear" }).data]).toEqual([
    ...[1, 1.25, 1.75, 2],
    ...[1.5, 1.75, 2.25, 2.5],
    ...[2.5, 2.75, 3.25, 3.5],
    ...[3, 3.25, 3.75, 4],
  ]);
});

test("a size is given once, in whole numbers", () => {
  const x = new Graph({ mode: "train" }).input("x", [2, 3, 5, 6]);
  expect(layer(x, { scaleFactor: 2 }).shape).toEqual([2, 6, 10, 6]);
  expect(layer(x, { scaleFactor: [1, 3], mode: "bilinear" }).shape).toEqual([2, 3, 15, 6]);
  expect(layer(x, { size: 7 }).shape).toEqual([2, 7, 7, 6]);
  expect(() => layer(x, {})).toThrow(/^upsample: needs either scaleFactor or size/);
  expect(() => layer(x, { scaleFactor: 2, size: 4 })).toThrow(/needs either .* — scaleFactor 2, size 4/);
  expect(() => layer(x, { scaleFactor: 1.5 })).toThrow(
    /^upsample: sizes must be whole numbers .* 4\.5×7\.5, x/,
  );
  expect(() => layer(x, { size: [0, 3] })).toThrow(/sizes must be whole numbers from 1 to 16384 — 0×3/);
});

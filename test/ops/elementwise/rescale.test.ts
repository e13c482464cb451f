import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { rescaleOp } from "../../../src/ops/elementwise/rescale.ts";
import { testOp } from "../../support/op/op-test.ts";
import { rescale } from "./rescale.ts";

testOp(rescale);

test("rescale refuses numbers that are not one for each channel, or not finite", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 3]);
  const apply = (scale: number | readonly number[]) => () => graph.apply(rescaleOp, "y", { x }, { scale });
  expect(apply([1, 2])).toThrow(/^rescale: needs 3 numbers, or one — 2, x \(2, 3\)/);
  expect(apply([1, 2, Number.NaN])).toThrow(/^rescale: the option scale must be a finite number/);
  expect(apply([])).toThrow(/^rescale: the option scale must be a finite number/);
});

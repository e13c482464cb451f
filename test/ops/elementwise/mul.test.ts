import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { mulOp } from "../../../src/ops/elementwise/mul.ts";
import { testOp } from "../../support/op/op-test.ts";
import { mul } from "./mul.ts";

testOp(mul);

test("mul refuses what scales neither channels nor pixels, with the shapes", () => {
  const graph = new Graph({ mode: "train" });
  const a = graph.input("a", [2, 3, 5, 6]);
  for (const shape of [[6], [2, 3], [2, 5, 3, 1], [1, 6], [2, 3, 5, 7]]) {
    expect(() => graph.apply(mulOp, "y", { a, b: graph.input(`b${shape}`, shape) }, {})).toThrow(
      /^mul: b must be \(2, 3, 5, 6\), \(2, 6\) or \(2, 3, 5, 1\) — a \(2, 3, 5, 6\), b/,
    );
  }
  const rows = graph.input("rows", [2, 6]);
  expect(() => graph.apply(mulOp, "y", { a: rows, b: graph.input("c", [2, 1]) }, {})).toThrow(
    /^mul: b must be \(2, 6\) — rows \(2, 6\), c \(2, 1\)/,
  );
});

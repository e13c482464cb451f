import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { preluOp } from "../../../src/ops/elementwise/prelu.ts";
import { testOp } from "../../support/op/op-test.ts";
import { prelu } from "./prelu.ts";

testOp(prelu);

test("prelu refuses another number of slopes, with the shapes", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 3, 5, 6]);
  for (const shape of [[3], [2, 6], [1, 1]]) {
    const weight = graph.input(`w${shape}`, shape);
    expect(() => graph.apply(preluOp, "y", { x, weight }, {})).toThrow(
      /^prelu: expects a weight of \(6\) or \(1\) — x \(2, 3, 5, 6\), w/,
    );
  }
});

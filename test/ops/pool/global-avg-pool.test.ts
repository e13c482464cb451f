import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { globalAvgPoolOp } from "../../../src/ops/pool/pool.ts";
import { testOp } from "../../support/op/op-test.ts";
import { globalAvgPool } from "./global-avg-pool.ts";

testOp(globalAvgPool);

test("global_avg_pool refuses a tensor that is not a batch of images", () => {
  const graph = new Graph({ mode: "train" });
  expect(() => graph.apply(globalAvgPoolOp, "gap", { x: graph.input("v", [2, 3]) }, {})).toThrow(
    /\(N, H, W, C\)/,
  );
});

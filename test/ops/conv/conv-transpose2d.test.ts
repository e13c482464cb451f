import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { convTranspose2d as layer } from "../../../src/layers/index.ts";
import { testOp } from "../../support/op/op-test.ts";
import { convTranspose2d } from "./conv-transpose2d.ts";

testOp(convTranspose2d);

test("conv_transpose2d refuses what does not fit, with the values", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [1, 3, 3, 4]);
  let layers = 0;
  const apply = (options: object) => () =>
    layer(x, `up${layers++}`, { outChannels: 6, kernelSize: 2, stride: 2, ...options });
  expect(apply({})().shape).toEqual([1, 6, 6, 6]);
  expect(apply({ kernelSize: 3, padding: 1, outputPadding: 1 })().shape).toEqual([1, 6, 6, 6]);
  expect(apply({ outputPadding: 2 })).toThrow(/output padding must be smaller.*output padding \[2, 2\]/);
  expect(apply({ padding: 3 })).toThrow(/padding leaves no pixel of the result.*padding \[3, 3, 3, 3\]/);
  expect(apply({ groups: 3 })).toThrow(/C=4 and K=6 must be divisible by groups.*groups 3/);
  expect(apply({ stride: 0 })).toThrow(/stride, dilation and groups must be positive/);
});

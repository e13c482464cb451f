import { expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { type FromPadded, fromPaddedOp, type ToPadded, toPaddedOp } from "../../../src/ops/layout/padded.ts";
import { defineOpTest } from "../../support/optest.ts";
import { nchwToNhwc, nhwcToNchw } from "../../support/reference/layout.ts";

const SHAPES = [
  [2, 5, 3, 3],
  [1, 7, 1, 8],
  [3, 1, 1, 1],
  [2, 3, 5, 13],
] as const;
const LAYOUTS = ["nchw", "nhwc"] as const;
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

defineOpTest({
  op: toPaddedOp,
  reference: ({ x }, { from, shape }: ToPadded) => ({
    y: from === "nchw" ? nchwToNhwc(x!, shape) : { shape, data: x!.data.slice() },
  }),
  cases: SHAPES.flatMap((shape) =>
    LAYOUTS.map((from) => ({
      name: `${from} to (${shape})`,
      inputs: { x: [count(shape)] },
      attrs: { from, shape },
    })),
  ),
  tolerance: () => 1e-6,
});

defineOpTest({
  op: fromPaddedOp,
  reference: ({ x }, { to }: FromPadded) => ({
    y: to === "nchw" ? nhwcToNchw(x!) : { shape: [x!.data.length], data: x!.data.slice() },
  }),
  cases: SHAPES.flatMap((shape) =>
    LAYOUTS.map((to) => ({ name: `(${shape}) to ${to}`, inputs: { x: shape }, attrs: { to } })),
  ),
  tolerance: () => 1e-6,
});

it("to_padded says how many numbers it expects", () => {
  const graph = new Graph({ mode: "eval" });
  const x = graph.input("x", [100]);
  expect(() => graph.apply(toPaddedOp, "y", { x }, { from: "nchw", shape: [2, 5, 5, 3] })).toThrow(
    "to_padded: (2, 5, 5, 3) expects (150) numbers — x (100)",
  );
});

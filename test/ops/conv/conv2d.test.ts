import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { type Conv2dAttrs, conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import type { Shape } from "../../support/op/declaration.ts";
import { testOp } from "../../support/op/op-test.ts";
import { conv2d } from "./conv2d.ts";

const PLAIN: Conv2dAttrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };

testOp(conv2d);

describe("conv2d: refuses", () => {
  const refuse = (x: Shape, weight: Shape, attrs: Partial<Conv2dAttrs> = {}, bias?: Shape) => {
    const graph = new Graph({ mode: "train" });
    const inputs = {
      x: graph.input("x", x),
      weight: graph.input("w", weight),
      bias: bias && graph.input("b", bias),
    };
    return expect(() => graph.apply(conv2dOp, "conv", inputs, { ...PLAIN, ...attrs }));
  };

  it("channels that do not fit", () => {
    refuse([8, 28, 28, 64], [3, 3, 32, 128]).toThrow(
      new ShapeError("conv2d", "weight expects C=32, got 64", "x (8, 28, 28, 64), w (3, 3, 32, 128)"),
    );
    refuse([1, 5, 5, 8], [3, 3, 8, 8], { groups: 2 }).toThrow(
      "conv2d: weight expects C/groups=8, got 8/2 — ",
    );
    refuse([1, 5, 5, 6], [3, 3, 2, 8], { groups: 3 }).toThrow("C=6 and K=8 must be divisible by groups");
    refuse([1, 5, 5, 4], [3, 3, 4, 8], {}, [4]).toThrow("conv2d: expects a bias of (8) — ");
  });

  it("a window larger than the padded input", () => {
    refuse([1, 4, 9, 4], [3, 3, 4, 8], { dilation: [3, 1], padding: [1, 1, 0, 0] }).toThrow(
      new ShapeError(
        "conv2d",
        "a window of 7×3 is larger than the padded input of 6×9",
        "x (1, 4, 9, 4), w (3, 3, 4, 8), padding [1, 1, 0, 0]",
      ),
    );
  });

  it("ranks, strides, paddings and activations that make no sense", () => {
    refuse([5, 5, 4], [3, 3, 4, 8]).toThrow("conv2d: expects an (N, H, W, C) tensor — x (5, 5, 4)");
    refuse([1, 5, 5, 4], [3, 4, 8]).toThrow("conv2d: expects an (R, S, C, K) weight");
    refuse([1, 5, 5, 4], [3, 3, 4, 8], { stride: [0, 1] }).toThrow("must be positive integers");
    refuse([1, 5, 5, 4], [3, 3, 4, 8], { padding: [0, -1, 0, 0] }).toThrow("padding must be whole numbers");
    refuse([1, 5, 5, 4], [3, 3, 4, 8], { activation: { name: "gelu" } }).toThrow("cannot fuse an activation");
  });
});

import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { type Conv2dAttrs, conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { testGpu, withAndWithoutSubgroups } from "../../support/gpu.ts";
import type { NdArray } from "../../support/ndarray.ts";
import { defineOpTest, type OpCase } from "../../support/optest.ts";
import { conv2d, fusedActivation } from "../../support/reference/conv.ts";
import { convTask } from "../../support/tuning.ts";

type Shape = readonly number[];

const PLAIN: Conv2dAttrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };

/** A case of which every option that is not plain stands in its name. */
function given(
  x: Shape,
  weight: Shape,
  attrs: Partial<Conv2dAttrs> = {},
  biased = false,
): OpCase<Conv2dAttrs> {
  const full = { ...PLAIN, ...attrs };
  const inputs = { x, weight, ...(biased && { bias: [weight[3]!] }) };
  const options = Object.entries(attrs).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const shapes = Object.entries(inputs).map(([name, shape]) => `${name} (${shape.join(", ")})`);
  return { name: [...shapes, ...options].join(" "), inputs, attrs: full };
}

const ONE: Conv2dAttrs["padding"] = [1, 1, 1, 1];

const CONV2D = {
  op: conv2dOp,
  reference: ({ x, weight, bias }: Record<string, NdArray>, attrs: Conv2dAttrs) => ({
    y: fusedActivation(conv2d(x!, weight!, bias, attrs), attrs.activation?.name, attrs.activation?.alpha),
  }),
  // Products of the window forward, of all pixels in the weights' gradient.
  tolerance: ({ inputs }: OpCase<Conv2dAttrs>) => {
    const [, H, W] = inputs.x as Shape;
    const [R, S, C] = inputs.weight as Shape;
    return 1e-6 * Math.sqrt(Math.max(R! * S! * C!, H! * W!) + 16);
  },
};

/** GPUs whose tables name one kernel for every pass, for each kernel that this device can run. */
async function everyKernel(C: number): Promise<Record<string, Capabilities>> {
  const { features } = (await testGpu()).capabilities;
  const geometry = {
    ...{ N: 8, H: 64, W: 64, C, K: 64, R: 1, S: 1, P: 64, Q: 64, STRIDE_H: 1, STRIDE_W: 1 },
    ...{ DILATION_H: 1, DILATION_W: 1, PAD_TOP: 0, PAD_LEFT: 0 },
  };
  const names = (["forward", "grad_weight"] as const)
    .flatMap((pass) =>
      convTask(pass, geometry)
        .variants({ features })
        .map(({ name }) => name),
    )
    .filter((name) => !name.endsWith("_splits"));
  return Object.fromEntries([...new Set(names)].map((name) => [name, { features, tuned: () => name }]));
}

defineOpTest({
  ...CONV2D,
  devices: await withAndWithoutSubgroups(),
  cases: [
    given([2, 7, 5, 3], [3, 3, 3, 5]),
    given([1, 6, 6, 4], [3, 3, 4, 8], { padding: ONE }, true),
    given([1, 1, 1, 1], [1, 1, 1, 1], {}, true),
    // Stride and dilation, alone and together, with gcd 1 and 2; extents that leave a rest.
    given([2, 7, 7, 5], [3, 3, 5, 6], { stride: [2, 2], padding: ONE }),
    given([1, 8, 11, 4], [3, 3, 4, 7], { stride: [3, 2], padding: ONE }, true),
    given([2, 9, 8, 3], [3, 3, 3, 4], { dilation: [2, 2], padding: [2, 2, 2, 2] }),
    given([1, 11, 10, 6], [3, 2, 6, 5], { stride: [2, 2], dilation: [2, 3], padding: [3, 1, 0, 2] }),
    given([1, 13, 12, 2], [3, 3, 2, 3], { stride: [4, 3], dilation: [2, 3], padding: [1, 0, 5, 6] }),
    // 1×1, also with strides that leave input pixels without any gradient.
    given([3, 5, 5, 7], [1, 1, 7, 9], {}, true),
    given([2, 6, 7, 4], [1, 1, 4, 8], { stride: [2, 2] }),
    given([1, 7, 8, 5], [1, 2, 5, 3], { stride: [3, 3], padding: [0, 2, 1, 0] }),
    // Long, wide and large windows; one as large as the padded input.
    given([1, 4, 13, 3], [1, 7, 3, 6], { padding: [0, 0, 3, 3] }, true),
    given([1, 13, 4, 3], [7, 1, 3, 6], { padding: [3, 3, 0, 0] }),
    given([1, 17, 17, 3], [7, 7, 3, 10], { stride: [2, 2], padding: [3, 3, 3, 3] }),
    given([2, 3, 3, 4], [5, 4, 4, 4], { padding: [1, 1, 0, 1] }),
    // More padding than window: some outputs see only zeros.
    given([1, 3, 3, 2], [2, 2, 2, 3], { padding: [4, 1, 0, 3] }, true),
    // Enough of everything for the large tile, in all three passes.
    given([4, 28, 28, 20], [1, 3, 20, 21], { padding: [0, 0, 1, 1] }, true),
    given([4, 14, 14, 3], [3, 3, 3, 24], { padding: ONE }),
    // Long depths, with rows, columns and channels over, in each pass; strides with phases of unequal size.
    given([3, 17, 17, 67], [1, 1, 67, 37], {}, true),
    given([6, 15, 23, 13], [2, 1, 13, 69], { stride: [2, 2], padding: ONE }),
    given([3, 23, 19, 29], [3, 3, 29, 21], { stride: [2, 1], dilation: [1, 2], padding: ONE }),
    // Groups of two, of odd sizes, depthwise, depthwise with a multiplier.
    given([2, 6, 5, 8], [3, 3, 4, 12], { groups: 2, padding: ONE }, true),
    given([1, 7, 7, 9], [3, 3, 3, 6], { groups: 3, stride: [2, 2], padding: ONE }),
    given([2, 7, 6, 7], [3, 3, 1, 7], { groups: 7, padding: ONE }, true),
    given([1, 8, 8, 5], [3, 2, 1, 10], {
      groups: 5,
      dilation: [2, 1],
      stride: [1, 3],
      padding: [2, 1, 0, 1],
    }),
    ...(["relu", "leaky_relu", "tanh", "sigmoid"] as const).map((name) =>
      given([2, 5, 6, 3], [3, 3, 3, 5], { padding: ONE, activation: { name, alpha: 0.1 } }, true),
    ),
    given([1, 5, 5, 6], [3, 3, 2, 9], { groups: 3, activation: { name: "sigmoid" } }, true),
  ],
});

// Every kernel of each pass, whatever the device would choose: with rows and columns over in every block, a depth
// that ends within a slab of workgroup memory, taps that a slab spans, and phases of unequal size.
defineOpTest({
  ...CONV2D,
  devices: await everyKernel(64),
  cases: [given([1, 9, 17, 13], [2, 3, 13, 37], { stride: [2, 2], padding: ONE })],
});

// Those that are for few input channels.
defineOpTest({
  ...CONV2D,
  devices: Object.fromEntries(
    Object.entries(await everyKernel(3)).filter(([name]) => name.startsWith("narrow")),
  ),
  cases: [{ ...given([2, 9, 8, 3], [3, 2, 3, 37], { stride: [2, 1], padding: ONE }), grads: ["weight"] }],
});

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

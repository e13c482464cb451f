import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import type { Geometry } from "../../../src/base/window.ts";
import type { Seed } from "../../../src/graph/autodiff.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import { storedLength } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { variantsOf } from "../../../src/ops/conv/conv-passes.ts";
import { type Conv2dAttrs, conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { SMALL_SUBGROUPS, testGpu } from "../../support/gpu.ts";
import { defineOpTest, type OpCase } from "../../support/optest.ts";
import { conv2d, fusedActivation } from "../../support/reference/conv.ts";
import { runProgram } from "../../support/run-op.ts";

type Shape = readonly [number, number, number, number];

const PLAIN: Conv2dAttrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };
const SAME: Conv2dAttrs = { ...PLAIN, padding: [1, 1, 1, 1] };

/** Each with the rounding error that it is allowed, in those of a plain sum. */
const VARIANTS = [["winograd_2x2", 1] as const, ["winograd_4x4", 3] as const];

// What chooses the kernels of the products: each invocation for itself, through workgroup memory, by quads.
const ALONE: Capabilities = { features: [], software: true };
const DEVICES: Readonly<Record<string, Capabilities>> = {
  alone: ALONE,
  "by workgroups": { features: [] },
  ...((await testGpu()).capabilities.features.includes("subgroups") && { "by quads": SMALL_SUBGROUPS }),
};

function given(x: Shape, K: number, attrs: Partial<Conv2dAttrs>, biased = false): OpCase<Conv2dAttrs> {
  const options = Object.entries(attrs).map(([name, value]) => ` ${name} ${JSON.stringify(value)}`);
  return {
    name: `(${x.join(", ")}) → ${K}${biased ? " with bias" : ""}${options.join("")}`,
    inputs: { x, weight: [3, 3, x[3], K], ...(biased && { bias: [K] }) },
    attrs: { ...PLAIN, ...attrs },
  };
}

/** Runs cases with one of the variants, on some devices. */
function defineTest(
  [variant, error]: (typeof VARIANTS)[number],
  devices: Readonly<Record<string, Capabilities>>,
  cases: readonly OpCase<Conv2dAttrs>[],
): void {
  const tuned = () => variant;
  defineOpTest({
    op: conv2dOp,
    devices: Object.fromEntries(
      Object.entries(devices).map(([name, device]) => [`${variant}, ${name}`, { ...device, tuned }]),
    ),
    reference: ({ x, weight, bias }, attrs) => ({
      y: fusedActivation(conv2d(x!, weight!, bias, attrs), attrs.activation?.name),
    }),
    cases,
    // Products of the window in y, of as many output channels in dx, of all pixels in the weights' gradient.
    tolerance: ({ inputs }) => {
      const [, H, W] = inputs.x as Shape;
      const [, , C, K] = inputs.weight as Shape;
      return error * 1e-6 * Math.sqrt(Math.max(9 * C, 9 * K, H * W) + 16);
    },
  });
}

for (const variant of VARIANTS) {
  defineTest(variant, { alone: ALONE }, [
    // Maps that tiles do not fill, channels that are no vec4s, any padding.
    given([2, 7, 5, 3], 5, {}),
    given([1, 3, 3, 1], 1, {}),
    given([1, 7, 7, 6], 8, { padding: SAME.padding }, true),
    given([2, 13, 5, 4], 7, { padding: [2, 2, 2, 2] }),
    given([1, 4, 9, 5], 3, { padding: [0, 2, 1, 0], activation: { name: "sigmoid" } }, true),
    // More padding than window: some outputs see only zeros, and the gradient's padding is negative.
    given([1, 3, 3, 2], 3, { padding: [4, 1, 0, 3] }, true),
  ]);
  // Rows, columns and a long depth with rests for each kernel of the products.
  defineTest(variant, DEVICES, [
    given([2, 9, 11, 69], 35, { padding: SAME.padding, activation: { name: "relu" } }, true),
  ]);
}

/** A convolution of large images and its gradients. */
function manyImages(device: Capabilities, N = 130, H = 64, C = 4, K = 4) {
  const graph = new Graph({ mode: "train", device });
  const x = graph.input("x", [N, H, H, C], "f32", true);
  const weight = graph.input("w", [3, 3, C, K], "f32", true);
  const { y } = graph.apply(conv2dOp, "conv", { x, weight, bias: undefined }, SAME);
  const dy = graph.input("dy", y.shape);
  return { graph, x, weight, y, seeds: [[y, dy]] as readonly Seed[] };
}

describe("winograd: images", () => {
  it.each(VARIANTS)("are taken some at a time, with the same result as %s", async (variant, error) => {
    const run = async (device: Capabilities) => {
      const { graph, x, weight, y, seeds } = manyImages(device);
      const random = new Random(3, "images");
      const values = (length: number) => Float32Array.from({ length }, () => 2 * random.uniform() - 1);
      const feeds = { x: values(storedLength(x.shape)), w: values(144), dy: values(storedLength(y.shape)) };
      const [outputs] = await runProgram(graph, seeds, feeds, (program) => {
        graph.output("y", y);
        graph.output("dx", program.gradients.get(x)!);
        graph.output("dw", program.gradients.get(weight)!);
      });
      return outputs!;
    };
    const expected = await run(ALONE);
    const actual = await run({ ...ALONE, tuned: () => variant });
    const products = { y: 36, dx: 36, dw: 130 * 64 * 64 };
    for (const [name, count] of Object.entries(products)) {
      let [largest, difference] = [0, 0];
      expected[name]!.forEach((value, i) => {
        largest = Math.max(largest, Math.abs(value));
        difference = Math.max(difference, Math.abs(value - actual[name]![i]!));
      });
      expect(difference, name).toBeLessThan((1 + error) * 1e-6 * Math.sqrt(count) * largest);
    }
  });

  it.each(VARIANTS)("lie where a view may begin, and all of them once: %s", (variant) => {
    // 7 · 7 · 4 elements an image: every thirty-second begins at a multiple of 128.
    for (const [N, H, C, K] of [
      [130, 64, 4, 4],
      [8000, 7, 4, 4],
      [3, 28, 256, 3],
    ] as const) {
      const { graph, seeds } = manyImages({ ...ALONE, tuned: () => variant }, N, H, C, K);
      const { dispatches } = lower(graph, seeds);
      const outputs = dispatches.filter(({ kernel }) => kernel.name.startsWith("winograd_output"));
      const views = outputs.map(({ bindings }) => bindings.y!);
      expect(new Set(views.map(({ storage }) => storage)).size).toBe(2);
      for (const storage of new Set(views.map(({ storage }) => storage))) {
        let end = 0;
        for (const view of views.filter((view) => view.storage === storage)) {
          expect(view.offset).toBe(end);
          expect(view.offset % 128).toBe(0);
          end += storedLength(view.shape);
        }
        expect(end).toBe(storage.length);
      }
      const temporaries = new Set(outputs.map(({ bindings }) => bindings.m!.storage));
      for (const { length } of temporaries) expect(4 * length).toBeLessThan(2 ** 25);
      if (N > 100) expect(outputs.length).toBeGreaterThan(2);
    }
  });
});

describe("winograd: fits", () => {
  const geometry: Geometry = {
    ...{ N: 2, H: 14, W: 14, C: 64, K: 64, R: 3, S: 3, P: 14, Q: 14 },
    ...{ STRIDE_H: 1, STRIDE_W: 1, DILATION_H: 1, DILATION_W: 1, PAD_TOP: 1, PAD_LEFT: 1 },
  };
  const names = (changes: Partial<Geometry>): string[] =>
    (["forward", "grad_input", "grad_weight"] as const).flatMap((pass) =>
      variantsOf({ pass, geometry: { ...geometry, ...changes } }, ALONE)
        .map(({ name }) => `${pass} ${name}`)
        .filter((name) => name.includes("winograd")),
    );

  it("windows of 3×3 without stride and dilation", () => {
    const both = ["forward", "grad_input"].flatMap((pass) => VARIANTS.map(([name]) => `${pass} ${name}`));
    expect(names({}).toSorted()).toEqual([...both, "grad_weight winograd_4x4"].toSorted());
    expect(names({ R: 1, S: 9 })).toEqual([]);
    expect(names({ STRIDE_W: 2 })).toEqual([]);
    expect(names({ DILATION_H: 2 })).toEqual([]);
  });

  it("only what every device binds", () => {
    // 16 and 36 times the channels, 9 of which are the weights themselves.
    expect(names({ C: 1024, K: 1024 })).toEqual(["forward winograd_2x2", "grad_input winograd_2x2"]);
    expect(names({ H: 1024, W: 1024, P: 1024, Q: 1024 })).toEqual([]);
  });
});

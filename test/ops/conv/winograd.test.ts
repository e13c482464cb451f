import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import type { Geometry } from "../../../src/base/window.ts";
import type { Seed } from "../../../src/graph/autodiff.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { storedLength } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { type Conv2dAttrs, conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { lower } from "../../../src/ops/lower.ts";
import { convPasses, convTask } from "../../support/models/tuning.ts";
import { CPU } from "../../support/op/declaration.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { VARIANTS } from "./winograd.ts";

const SAME: Conv2dAttrs = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 };

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
    const expected = await run(CPU);
    const actual = await run({ ...CPU, tuned: () => variant });
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
      const { graph, seeds } = manyImages({ ...CPU, tuned: () => variant }, N, H, C, K);
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
    convPasses.flatMap((pass) =>
      convTask(pass, { ...geometry, ...changes })
        .variants(CPU)
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

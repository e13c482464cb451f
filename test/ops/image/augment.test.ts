import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { pad } from "../../../src/graph/tensor.ts";
import { type Augmentation, augmentOp } from "../../../src/ops/image/augment.ts";
import { lower } from "../../../src/ops/lower.ts";
import type { Live } from "../../../src/run/live.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { augment } from "./augment.ts";

testOp(augment);

const SHAPE = [64, 8, 8, 3];

/** Noise, augmented in each of the given steps; with `targets` if there are labels. */
async function augmented(options: Augmentation, steps: readonly Partial<Live>[], labelled = false) {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", SHAPE);
  const labels = labelled ? graph.input("labels", [64], "i32") : undefined;
  const { y, targets } = graph.apply(
    augmentOp,
    "augment",
    { x, labels },
    { ...options, layer: 3, classes: 4 },
  );
  const random = new Random(1, "images");
  const images = Float32Array.from({ length: 64 * 64 * 3 }, () => random.uniform());
  const feeds = { x: pad(images, SHAPE), labels: Int32Array.from({ length: 64 }, (_, n) => n % 4) };
  const results = await runProgram(
    graph,
    [],
    feeds,
    () => {
      graph.output("y", y);
      if (targets) graph.output("targets", targets);
    },
    steps,
  );
  return { images, results };
}

describe("augment", () => {
  it("draws the same for the same seed and step, and something else for others", async () => {
    const all = {
      crop: 2,
      flip: 0.5,
      brightness: 0.2,
      contrast: 0.2,
      saturation: 0.2,
      erase: 0.3,
      cutmix: 1,
    };
    const { results } = await augmented(all, [{}, {}, { step: 2 }, { seed: 6 }, {}], true);
    const [first, again, step, seed, last] = results;
    expect(again).toEqual(first);
    expect(last).toEqual(first);
    for (const other of [step!, seed!]) {
      const same = other.y!.filter((v, i) => v === first!.y![i]).length;
      expect(same / other.y!.length).toBeLessThan(0.2);
    }
  });

  it("flips and shifts bit for bit, as often as it should", async () => {
    const { images, results } = await augmented({ flip: 0.25 }, [
      { step: 1 },
      { step: 2 },
      { step: 3 },
      { step: 4 },
    ]);
    let flips = 0;
    for (const { y } of results) {
      for (let n = 0; n < 64; n++) {
        const image = (values: ArrayLike<number>, column: (q: number) => number): number[] =>
          Array.from({ length: 64 }, (_, i) => values[(n * 64 + i - (i % 8) + column(i % 8)) * 3]!);
        const given = image(y!, (q) => q);
        const isFlipped = given.join() === image(images, (q) => 7 - q).join();
        if (!isFlipped) expect(given).toEqual(image(images, (q) => q));
        flips += Number(isFlipped);
      }
    }
    // 256 coins with p = 0.25: four standard deviations.
    expect(Math.abs(flips - 64)).toBeLessThan(28);
  });

  it("gives targets that are shares, symmetric around a half, from Beta(α, α)", async () => {
    const steps = Array.from({ length: 8 }, (_, i) => ({ step: i + 1 }));
    const { results } = await augmented({ mixup: 1 }, steps, true);
    const own: number[] = [];
    for (const { targets } of results) {
      for (let n = 0; n < 64; n++) {
        const row = [...targets!.subarray(4 * n, 4 * n + 4)];
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        // Where the partner has another class.
        if (row[n % 4]! < 1) own.push(row[n % 4]!);
      }
    }
    const mean = own.reduce((a, b) => a + b) / own.length;
    const variance = own.reduce((sum, v) => sum + (v - mean) ** 2, 0) / own.length;
    // Uniform, since α is 1; about 390 of them.
    expect(own.length).toBeGreaterThan(300);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.06);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.015);
  });

  it("is the identity in evaluation, with one-hot targets", async () => {
    const graph = new Graph({ mode: "eval" });
    const x = graph.input("x", [2, 2, 2, 1]);
    const labels = graph.input("labels", [2], "i32");
    const attrs = { crop: 1, mixup: 1, layer: 0, classes: 5 };
    const { y, targets } = graph.apply(augmentOp, "augment", { x, labels }, attrs);
    expect(y.storage).toBe(x.storage);
    expect(graph.apply(augmentOp, "none", { x }, { layer: 0 }).y.storage).toBe(x.storage);
    expect(lower(graph).dispatches.map(({ kernel }) => kernel.name)).toEqual(["mix_targets"]);
    const feeds = { x: new Float32Array(32), labels: Int32Array.of(4, 1) };
    const [step] = await runProgram(graph, [], feeds, () => graph.output("targets", targets!));
    expect([...step!.targets!]).toEqual([0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
  });

  it("refuses options that make no sense", () => {
    const graph = new Graph({ mode: "train" });
    const x = graph.input("x", [2, 8, 6, 3]);
    const labels = graph.input("labels", [2], "i32");
    const refuse = (options: Augmentation, inputs: Parameters<typeof augmentOp.infer>[0] = { x, labels }) =>
      expect(() => graph.apply(augmentOp, "bad", inputs, { ...options, layer: 0, classes: 4 }));
    refuse({ crop: 9 }).toThrow("augment: crop must be a whole number from 0 to 8 — crop 9");
    refuse({ crop: 1.5 }).toThrow("crop 1.5");
    refuse({ flip: -0.1 }).toThrow("flip must be in [0, 1] — flip -0.1");
    refuse({ mixup: 2 }).toThrow("mixup must be in [0, 1] — mixup 2");
    refuse({ contrast: Number.NaN }).toThrow("contrast must be in [0, 1]");
    refuse({ normalize: { mean: [0], std: [1] } }).toThrow("normalize must hold 3 finite means");
    refuse({ cutmix: 1 }, { x }).toThrow("mixup and cutmix need labels");
    refuse({}, { x, labels: graph.input("more", [3], "i32") }).toThrow("labels must be i32 (2)");
    refuse({ flip: 1 }, { x: graph.input("maps", [1, 4, 4, 5]) }).toThrow("at most 4 channels — maps");
  });
});

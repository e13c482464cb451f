import { beforeAll, describe, expect, it } from "vitest";
import { type Gpu, loadDataset, loadModel } from "webgraft";
import { runTrial, type Trial, type TrialData } from "../studies/trial.ts";
import { testGpu } from "../support/run/gpu.ts";

describe("the backbone that ships", () => {
  let gpu: Gpu;
  let weights: Blob;
  beforeAll(async () => {
    gpu = await testGpu();
    const url = new URL("../../src/pretrained/resnet20-fashion.safetensors", import.meta.url);
    const response = await fetch(url);
    expect(response.ok).toBe(true);
    weights = await response.blob();
  });

  it("classifies Fashion-MNIST as its model card says", async () => {
    const { model, labels, predictor, metadata } = await loadModel(weights, { gpu, batchSize: 64 });
    const test = await loadDataset("fashion", "test", { examples: 512 });
    expect([model.name, labels]).toEqual(["resnet20", test.classes]);
    const size = 28 * 28;
    const images = Array.from({ length: test.length }, (_, i) => ({
      data: (test.images as Uint8Array).subarray(i * size, (i + 1) * size),
      width: 28,
      height: 28,
    }));
    const probabilities = await predictor.classify(images);
    predictor.destroy();
    const guesses = images.map((_, i) => {
      const row = probabilities.subarray(10 * i, 10 * i + 10);
      return row.indexOf(Math.max(...row));
    });
    const right = guesses.filter((label, i) => label === test.labels[i]).length / test.length;
    // 512 of the 10,000 images: three standard deviations are 4 %.
    expect(Math.abs(right - Number(metadata.testAccuracy))).toBeLessThan(0.04);
  });

  it("is worth more than a random one where there are few images", async () => {
    const [train, test] = await Promise.all([
      loadDataset("mnist", "train"),
      loadDataset("mnist", "test", { examples: 200 }),
    ]);
    const data: TrialData = { train, test, weights };
    const trial = { topology: "features", perClass: 10, seed: 1, epochs: 3 } as const;
    const run = (start: Trial["start"]): Promise<number> => runTrial(gpu, { ...trial, start }, data);
    const [pretrained, scratch] = [await run("pretrained"), await run("scratch")];
    console.log(`${trial.topology}, 10 images a class: pretrained ${pretrained}, from scratch ${scratch}`);
    expect(pretrained).toBeGreaterThan(scratch);
  });
});

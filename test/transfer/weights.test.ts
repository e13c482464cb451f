import { describe, expect, it } from "vitest";
import {
  createDataset,
  type Dataset,
  interleaved,
  loadModel,
  loadWeights,
  modelFile,
  Predictor,
  Random,
  saveModel,
  saveWeights,
  sgd,
  Trainer,
} from "webgraft";
import { testGpu } from "../support/run/gpu.ts";

const model = interleaved({
  inputShape: [8, 8, 3],
  classes: 3,
  widths: [4, 8, 6, 12],
  activation: "relu",
  preprocessing: { resize: 8, mode: "torch", mean: [0, 0, 0], std: [1, 1, 1] },
});

function noise(length: number): Dataset {
  const random = new Random(5, "noise");
  const images = Float32Array.from({ length: length * 8 * 8 * 3 }, () => random.normal());
  const labels = Int32Array.from({ length }, (_, i) => i % 3);
  return createDataset({ name: "noise", shape: [8, 8, 3], classes: ["a", "b", "c"], images, labels });
}

const trainer = async (seed: number) =>
  Trainer.create({ gpu: await testGpu(), model, optimizer: sgd({ lr: 0.05 }), batchSize: 8, seed });

describe("weights that are saved and loaded", () => {
  it("give the same outputs bit for bit: weights, model file, and model file of a checkpoint", async () => {
    const gpu = await testGpu();
    const data = noise(24);
    const images = data.images as Float32Array;
    const trained = await trainer(1);
    await trained.fit(data, { epochs: 1 });
    const expected = await trained.predict(data);

    const other = await trainer(2);
    expect(await other.predict(data)).not.toEqual(expected);
    const report = await loadWeights(other, await saveWeights(trained));
    expect(report.loaded).toEqual(trained.weights.map(({ name }) => name));
    expect(await other.predict(data)).toEqual(expected);

    const info = { labels: ["x", "y", "z"] };
    const checkpoint = await trained.checkpoint(info);
    for (const file of [await saveModel(trained, info), modelFile(checkpoint), checkpoint]) {
      const loaded = await loadModel(new Blob([file]), { gpu, batchSize: 8 });
      expect(loaded).toMatchObject(info);
      expect(loaded.model.options).toEqual(model.options);
      expect(loaded.model.preprocessing).toEqual(model.preprocessing);
      expect(await loaded.predictor.predict(images)).toEqual(expected);
      // Not a whole number of batches.
      const some = await loaded.predictor.predict(images.subarray(0, 11 * 192));
      expect(some.length).toBe(33);
      some.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 6);
      });
      await expect(loaded.predictor.predict(images.subarray(1))).rejects.toThrow("192 values each");
      loaded.predictor.destroy();
    }

    const halves = await loadModel(await saveModel(trained, { dtype: "F16" }), { gpu, batchSize: 8 });
    const rounded = await halves.predictor.predict(images);
    rounded.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(0.01);
    });
    expect(await saveModel(halves.predictor, { dtype: "F16" })).toEqual(
      await saveModel(trained, { dtype: "F16" }),
    );
    halves.predictor.destroy();
    for (const t of [trained, other]) await t.destroy();
  });

  it("train on after they were loaded", async () => {
    const data = noise(16);
    const [first, second] = [await trainer(1), await trainer(1)];
    await loadWeights(second, await saveWeights(first));
    const runs = [await first.fit(data, { epochs: 1 }), await second.fit(data, { epochs: 1 })];
    const [a, b] = runs.map(({ steps }) => steps.map(({ loss }) => loss));
    expect(b).toEqual(a);
    for (const t of [first, second]) await t.destroy();
  });

  it("Predictor refuses a batch size that makes no sense", async () => {
    await expect(Predictor.create({ gpu: await testGpu(), model, batchSize: 0 })).rejects.toThrow(
      "batchSize",
    );
  });
});

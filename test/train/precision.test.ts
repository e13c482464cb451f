import { describe, expect, it } from "vitest";
import { DeviceError } from "../../src/base/errors.ts";
import { createDataset } from "../../src/data/dataset.ts";
import { freeze, interleaved, vgg } from "../../src/models/index.ts";
import { adamw, sgd } from "../../src/optimizers/index.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { FeatureCache } from "../../src/transfer/feature-cache.ts";
import { testGpu } from "../support/run/gpu.ts";

const gpu = await testGpu();
const hasHalf = gpu.capabilities.features.includes("shader-f16");
const model = interleaved({ inputShape: [12, 12, 1], classes: 3 });

/** Images of stripes, which a network tells apart soon. */
const data = createDataset({
  ...{ name: "stripes", shape: [12, 12, 1], classes: ["rows", "columns", "diagonals"] },
  labels: Int32Array.from({ length: 48 }, (_, i) => i % 3),
  images: Float32Array.from({ length: 48 * 144 }, (_, at) => {
    const [image, y, x] = [Math.floor(at / 144), Math.floor(at / 12) % 12, at % 12];
    const place = [y, x, x + y][image % 3]! + image;
    return (place % 4 < 2 ? 1 : -1) + 0.1 * Math.sin(at * image);
  }),
});

const create = (options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  Trainer.create({
    gpu,
    model,
    optimizer: adamw({ lr: 0.003 }),
    batchSize: 16,
    seed: 3,
    tune: "off",
    ...options,
  });

async function losses(options: Partial<TrainerOptions>, epochs = 4): Promise<readonly number[]> {
  const trainer = await create(options);
  try {
    return (await trainer.fit(data, { epochs })).steps.map(({ loss }) => loss);
  } finally {
    await trainer.destroy();
  }
}

describe("mixed precision", () => {
  if (!hasHalf) {
    it("is refused where the device lacks shader-f16", async () => {
      await expect(create({ precision: "mixed" })).rejects.toThrow(DeviceError);
      await expect(create({ precision: "mixed" })).rejects.toThrow("needs the WebGPU feature shader-f16");
    });
    return;
  }

  it("learns as f32 does, also in micro-batches and with activations computed again", async () => {
    const exact = await losses({});
    const mixed = await losses({ precision: "mixed" });
    expect(exact.at(-1)!).toBeLessThan(0.1 * exact[0]!);
    const difference = mixed.map((loss, i) => Math.abs(loss - exact[i]!));
    expect(Math.max(...difference)).toBeLessThan(0.05 * exact[0]!);
    expect(mixed, "f16 was there").not.toEqual(exact);
    expect(await losses({ precision: "mixed", memory: "recompute" })).toEqual(mixed);
    const parts = await losses({ precision: "mixed", microBatches: 2 });
    expect(parts.at(-1)!).toBeLessThan(0.1 * parts[0]!);
  });

  it("gives a cached head the losses of the whole model, bit for bit", async () => {
    const small = vgg(11, {
      inputShape: [12, 12, 1],
      classes: 3,
      width: 4,
      stages: 3,
      hidden: 16,
      dropout: 0.2,
    });
    const options = { model: small, precision: "mixed", frozen: freeze("features.*") } as const;
    const [plain, cached] = [await create(options), await create(options)];
    const cache = await FeatureCache.create(cached);
    const actual = await cache.head.fit(await cache.features(data), { epochs: 1 });
    await cache.finish();
    const expected = await plain.fit(data, { epochs: 1 });
    expect(actual.steps.map(({ loss }) => loss)).toEqual(expected.steps.map(({ loss }) => loss));
    expect(await cached.checkpoint()).toEqual(await plain.checkpoint());
    await cache.destroy();
    for (const trainer of [plain, cached]) await trainer.destroy();
  });

  it.each([
    ["sgd", sgd({ lr: 0.05, momentum: 0.9, dampening: 0.1, clipNorm: 1 }), 1],
    ["adamw", adamw({ lr: 0.003 }), 1],
    ["adamw", adamw({ lr: 0.003 }), 2],
  ])("%s skips steps whose gradients overflow, and halves the scale", async (_, optimizer, microBatches) => {
    const trainer = await create({ precision: "mixed", optimizer, microBatches });
    const other = await create({ precision: "mixed", optimizer, microBatches });
    try {
      const scale = trainer.saved.find(({ name }) => name === "optimizer.loss_scale")!;
      const setScale = (...state: number[]) =>
        trainer.variables.write(scale.tensor, Float32Array.from(state));
      // A batch norm has taken the batch's statistics before it is known that the step is skipped.
      const kept = trainer.saved.filter(({ name }) => name !== scale.name && !name.includes("running"));
      const values = () => trainer.variables.read(kept.map(({ tensor }) => tensor));
      const start = await values();

      setScale(2 ** 40, 5, 0, 0);
      await trainer.fit(data, { epochs: 1 });
      expect(await trainer.lossScale()).toEqual({ scale: 2 ** 37, skipped: 3 });
      expect(await values(), "three steps that left everything as it was").toEqual(start);

      setScale(1024, 1997, 3, 0);
      await trainer.fit(data, { epochs: 2 });
      expect(await trainer.lossScale(), "2000 good steps").toEqual({ scale: 2048, skipped: 3 });
      expect(await values()).not.toEqual(start);

      other.restore(await trainer.checkpoint());
      expect(await other.lossScale()).toEqual({ scale: 2048, skipped: 3 });
      const [more, same] = [await trainer.fit(data, { epochs: 3 }), await other.fit(data, { epochs: 3 })];
      expect(same.steps.map(({ loss }) => loss)).toEqual(more.steps.map(({ loss }) => loss));
    } finally {
      await trainer.destroy();
      await other.destroy();
    }
  });
});

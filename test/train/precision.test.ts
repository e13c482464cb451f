import { describe, expect, it } from "vitest";
import { createDataset } from "../../src/data/dataset.ts";
import { DeviceError } from "../../src/errors.ts";
import { createModel } from "../../src/models/index.ts";
import { adamw, sgd } from "../../src/optimizers/index.ts";
import { Trainer, type TrainerOptions } from "../../src/train/trainer.ts";
import { testGpu } from "../support/gpu.ts";

const gpu = await testGpu();
const hasHalf = gpu.capabilities.features.includes("shader-f16");
const model = createModel("interleaved", { inputShape: [12, 12, 1], classes: 3 });

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
    const again = await losses({ precision: "mixed", memory: "recompute" });
    console.log(exact.join(" "), "\n", mixed.join(" "));
    expect(exact.at(-1)!).toBeLessThan(0.3 * exact[0]!);
    mixed.forEach((loss, i) =>
      expect(Math.abs(loss - exact[i]!), `loss ${i}`).toBeLessThan(0.05 * exact[0]!),
    );
    expect(again).toEqual(mixed);
    const parts = await losses({ precision: "mixed", microBatches: 2 });
    console.log(parts.join(" "));
    expect(parts.at(-1)!).toBeLessThan(0.3 * exact[0]!);
  });

  it.each([
    ["sgd", sgd({ lr: 0.05, momentum: 0.9, clipNorm: 1 })],
    ["adamw", adamw({ lr: 0.003 })],
  ])("%s skips a step whose gradients overflow, and halves the scale", async (_, optimizer) => {
    const trainer = await create({ precision: "mixed", optimizer });
    try {
      await trainer.fit(data, { epochs: 1 });
      const scale = trainer.saved.find(({ name }) => name === "optimizer.loss_scale")!;
      const trained = trainer.saved.filter(({ name }) => name !== scale.name && !name.includes("running"));
      const read = () => trainer.variables.read(trained.map(({ tensor }) => tensor));
      expect(await trainer.lossScale()).toEqual({ scale: 65536, skipped: 0 });
      const before = await read();
      trainer.variables.write(scale.tensor, Float32Array.of(2 ** 24, 5, 0, 0));
      const one = (epochs: number) => trainer.fit(data, { epochs });
      await one(2);
      const after = await trainer.lossScale();
      console.log(after);
      expect(after!.skipped).toBeGreaterThan(0);
      expect(after!.scale).toBe(2 ** (24 - after!.skipped));
      if (after!.skipped === 3) expect(await read()).toEqual(before);
      else expect(await read()).not.toEqual(before);
    } finally {
      await trainer.destroy();
    }
  });
});

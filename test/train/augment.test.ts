import { expect, it } from "vitest";
import {
  type Augmentation,
  createDataset,
  FeatureCache,
  interleaved,
  Random,
  ShapeError,
  sgd,
  Trainer,
} from "webgraft";
import { testGpu } from "../support/run/gpu.ts";

/** 42 images of noise: two whole batches and a smaller one. */
const random = new Random(4, "noise");
const data = createDataset({
  name: "noise",
  shape: [8, 8, 1],
  classes: ["a", "b", "c", "d"],
  images: Uint8Array.from({ length: 42 * 64 }, () => 255 * random.uniform()),
  labels: Int32Array.from({ length: 42 }, (_, n) => n % 4),
  normalize: { mean: [0.5], std: [0.3] },
});

const trainer = async (augment?: Augmentation): Promise<Trainer> =>
  Trainer.create({
    gpu: await testGpu(),
    model: interleaved({ inputShape: [8, 8, 1], classes: 4, widths: [4, 8, 8, 12] }),
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    batchSize: 16,
    seed: 3,
    ...(augment && { augment }),
  });

const all: Augmentation = {
  crop: 1,
  flip: 0.5,
  brightness: 0.2,
  contrast: 0.2,
  erase: 0.3,
  mixup: 0.4,
  cutmix: 1,
  normalize: data.normalize,
};

it("augments the images of training only, as a step's seed and number say, also after a resume", async () => {
  const plain = await trainer();
  const whole = await trainer(all);
  const before = await plain.evaluate(data);
  expect(await whole.evaluate(data)).toEqual(before);
  const steps = (await whole.fit(data, { epochs: 2 })).steps.map(({ loss }) => loss);
  const { steps: plainSteps } = await plain.fit(data, { epochs: 1 });
  expect(plainSteps[0]!.loss).not.toBe(steps[0]);

  const first = await trainer(all);
  const stop = new AbortController();
  const losses: number[] = [];
  const half = first.fit(data, {
    epochs: 2,
    signal: stop.signal,
    onStep: ({ step, loss }) => {
      losses.push(loss);
      if (step === 2) stop.abort();
    },
  });
  await expect(half).rejects.toThrow();
  const second = await trainer(all);
  second.restore(await first.checkpoint());
  losses.push(...(await second.fit(data, { epochs: 2 })).steps.map(({ loss }) => loss));
  expect(losses).toEqual(steps);
  expect(await second.checkpoint()).toEqual(await whole.checkpoint());
  await expect(FeatureCache.create(whole)).rejects.toThrow(
    "augmented images have different features in each step",
  );
  for (const subject of [plain, whole, first, second]) await subject.destroy();
});

it("refuses augmentation that makes no sense before anything is trained", async () => {
  await expect(trainer({ mixup: 3 })).rejects.toThrow(ShapeError);
  await expect(trainer({ crop: 99 })).rejects.toThrow("crop must be a whole number from 0 to 8 — crop 99");
});

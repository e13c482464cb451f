import { describe, expect, it } from "vitest";
import {
  createDataset,
  DataError,
  type Dataset,
  decodeSafetensors,
  FeatureCache,
  finetune,
  freeze,
  oneCycle,
  Random,
  resnet,
  saveWeights,
  sgd,
  Trainer,
  type TrainerOptions,
  vgg,
} from "webgraft";
import { testGpu } from "../support/run/gpu.ts";

function noise(length: number, classes: number, seed = 5, shape: Dataset["shape"] = [8, 8, 3]): Dataset {
  const random = new Random(seed, "noise");
  const size = shape[0] * shape[1] * shape[2];
  return createDataset({
    name: "noise",
    shape,
    classes: Array.from({ length: classes }, (_, i) => `${i}`),
    images: Float32Array.from({ length: length * size }, () => random.normal()),
    labels: Int32Array.from({ length }, (_, i) => i % classes),
  });
}

const small = { inputShape: [8, 8, 3], classes: 3 } as const;
const backbone = { name: "resnet20", width: 4 } as const;
const trainer = async (options: Pick<TrainerOptions, "model" | "optimizer"> & Partial<TrainerOptions>) =>
  Trainer.create({ gpu: await testGpu(), batchSize: 8, seed: 3, ...options });

/** What pretraining leaves: weights and running statistics that are not as they were drawn. */
async function pretrained(): Promise<Uint8Array<ArrayBuffer>> {
  const model = resnet(20, { inputShape: [8, 8, 3], classes: 5, width: 4 });
  const subject = await trainer({ model, optimizer: sgd({ lr: 0.05 }), seed: 11 });
  await subject.fit(noise(16, 5), { epochs: 1 });
  const file = await saveWeights(subject);
  await subject.destroy();
  return file;
}

const changes = (before: Uint8Array, after: Uint8Array): string[] => {
  const [old, now] = [before, after].map((file) => decodeSafetensors(file, "file").tensors);
  return [...now!].flatMap(([name, { bytes }]) =>
    bytes.join() === old!.get(name)!.bytes.join() ? [] : [name],
  );
};

describe("finetune", () => {
  it("leaves all before `unfreezeFrom` as it was loaded, statistics included", async () => {
    const tuning = finetune(backbone, { ...small, unfreezeFrom: 3, headLr: 0.01, backboneLr: 0.001 });
    const subject = await trainer(tuning);
    const report = await tuning.load(subject, await pretrained());
    expect(report.missing).toEqual(["fc.weight", "fc.bias"]);
    const before = await saveWeights(subject);
    await subject.fit(noise(24, 3), { epochs: 1 });
    const changed = changes(before, await saveWeights(subject));
    expect(changed.filter((name) => !/^(layer3\.|fc\.)/.test(name))).toEqual([]);
    expect(changed).toEqual(
      expect.arrayContaining(["layer3.0.conv1.weight", "layer3.2.bn2.running_var", "fc.weight"]),
    );
    await subject.destroy();
  });
});

describe("FeatureCache", () => {
  it.each([
    ["the head alone", undefined],
    ["the last stage and the head", 3],
  ])("gives the same losses, weights and checkpoint as training without it: %s", async (_, unfreezeFrom) => {
    const tuning = finetune(backbone, {
      ...small,
      ...(unfreezeFrom && { unfreezeFrom }),
      optimizer: (given) => sgd({ ...given, momentum: 0.9 }),
      headLr: 0.05,
    });
    const file = await pretrained();
    const [train, test] = [noise(24, 3), noise(13, 3, 6)];
    const options = { epochs: 2, validation: test };
    const [plain, cached] = [
      await trainer({ ...tuning, schedule: oneCycle() }),
      await trainer({ ...tuning, schedule: oneCycle() }),
    ];
    for (const subject of [plain, cached]) await tuning.load(subject, file);

    const expected = await plain.fit(train, options);
    const cache = await FeatureCache.create(cached);
    const progress: number[] = [];
    const features = await cache.features(train, { onProgress: (done) => progress.push(done) });
    expect(progress).toEqual([8, 16, 24]);
    expect(features).toMatchObject({ length: 24, shape: cache.shape, classes: train.classes });
    const validation = await cache.features(test);
    const actual = await cache.head.fit(features, { ...options, validation });
    expect(actual.steps.map(({ loss }) => loss)).toEqual(expected.steps.map(({ loss }) => loss));
    expect(actual.epochs).toEqual(expected.epochs);

    expect(cached.step).toBe(0);
    await cache.finish();
    expect(await cached.checkpoint()).toEqual(await plain.checkpoint());
    await cache.destroy();
    expect(await cached.predict(test)).toEqual(await plain.predict(test));
    for (const subject of [plain, cached]) await subject.destroy();
  });

  it("goes on in the middle of a run, also where the head drops out and the last batch is small", async () => {
    const model = vgg(11, { inputShape: [8, 8, 3], classes: 3, width: 4, stages: 3, hidden: 16 });
    const options = { model, optimizer: sgd({ lr: 0.02 }), frozen: freeze("features.*") };
    const [train, epochs] = [noise(21, 3), 2];
    const [plain, cached] = [await trainer(options), await trainer(options)];
    for (const subject of [plain, cached]) await subject.fit(train, { epochs: 1 });
    const expected = await plain.fit(train, { epochs });
    const cache = await FeatureCache.create(cached);
    const { steps } = await cache.head.fit(await cache.features(train), { epochs });
    expect(steps.map(({ step }) => step)).toEqual([4, 5, 6]);
    for (const [i, { loss }] of steps.entries()) expect(loss).toBeCloseTo(expected.steps[i]!.loss, 5);
    await cache.destroy();
    for (const subject of [plain, cached]) await subject.destroy();
  });

  it("takes fewer images than a batch", async () => {
    const subject = await trainer(finetune(backbone, small));
    const cache = await FeatureCache.create(subject);
    const [few, all] = [await cache.features(noise(3, 3)), await cache.features(noise(8, 3))];
    expect(few.images).toEqual(all.images.subarray(0, few.images.length));
    await cache.destroy();
    await subject.destroy();
  });

  it("refuses features that take too much memory, and images that are not the model's", async () => {
    const subject = await trainer(finetune(backbone, small));
    const cache = await FeatureCache.create(subject, { at: "layer3.2.bn2" });
    expect(cache.shape).toEqual([2, 2, 16]);
    const tooMuch = cache.features(noise(8, 3), { maxBytes: 1000 });
    await expect(tooMuch).rejects.toThrow(DataError);
    await expect(tooMuch).rejects.toThrow("8 of (2, 2, 16) take 2048 bytes, more than maxBytes 1000");
    await expect(cache.features(noise(8, 3, 5, [8, 4, 3]))).rejects.toThrow("expects images (8, 8, 3)");
    await expect(cache.features(noise(8, 2))).rejects.toThrow("has 3 classes");
    await cache.destroy();
    await subject.destroy();
  });

  it("refuses a model of which everything trains", async () => {
    const subject = await trainer(finetune(backbone, { ...small, unfreezeFrom: 0 }));
    await expect(FeatureCache.create(subject)).rejects.toThrow("conv1.weight trains");
    await subject.destroy();
  });
});

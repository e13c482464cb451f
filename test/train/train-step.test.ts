/** Single steps of a trainer, for loops of one's own. */
import { afterEach, describe, expect, it } from "vitest";
import {
  adamw,
  type Batch,
  type BatchInfo,
  BatchLoader,
  BusyError,
  DataError,
  DestroyedError,
  dense,
  dropout,
  flatten,
  type Model,
  NonFiniteError,
  sgd,
  Trainer,
  type TrainerOptions,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const data = quarters(18); // Batches of 4, 4, 4, 4 and 2.
const model: Model = {
  name: "tiny",
  inputShape: [8, 8, 1],
  classes: 4,
  options: {},
  build: (images) => {
    const hidden = dense(flatten(images), "hidden", { outFeatures: 8, activation: "relu" });
    return dense(dropout(hidden, "drop", 0.3), "fc", { outFeatures: 4 });
  },
};

const made: Trainer[] = [];
async function make(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const optimizer = sgd({ lr: 0.05, momentum: 0.9 });
  const given = { gpu: await testGpu(), model, optimizer, batchSize: 4, seed: 3 } as const;
  const trainer = await Trainer.create({ ...given, tune: "off", ...options });
  made.push(trainer);
  return trainer;
}
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

/** All batches of two epochs, each with memory of its own. */
const batches: readonly Batch[] = [0, 1].flatMap((epoch) => {
  const loader = new BatchLoader(data, { batchSize: 4, seed: 3 });
  return Array.from({ length: loader.batchesPerEpoch }, (_, i) => structuredClone(loader.batch(epoch, i)));
});
const weights = (trainer: Trainer): Promise<unknown> =>
  trainer.variables.read(trainer.saved.map(({ tensor }) => tensor));

describe("trainStep", () => {
  it.each([1, 2])(
    "does what fit does, bit for bit, awaited or not (micro-batches: %d)",
    async (microBatches) => {
      const [fitted, awaited, eager] = [
        await make({ microBatches }),
        await make({ microBatches }),
        await make({ microBatches }),
      ];
      const { steps } = await fitted.fit(data, { epochs: 2 });
      const expected = steps.map(({ step, loss, accuracy, learningRate, examples }) => {
        return { step, loss, accuracy, learningRate, examples };
      });
      const one: BatchInfo[] = [];
      for (const batch of batches) one.push(await awaited.trainStep(batch));
      expect(one).toEqual(expected);
      expect(await Promise.all(batches.map((batch) => eager.trainStep(batch)))).toEqual(expected);
      expect(await weights(awaited)).toEqual(await weights(fitted));
      expect(await weights(eager)).toEqual(await weights(fitted));
      expect(eager.progress).toEqual({ step: 10, epoch: 0, examples: 0, length: 0 });
    },
  );

  it("takes its turn: an evaluation sees the weights after the steps called before it", async () => {
    const [subject, alone] = [await make(), await make()];
    const calls = batches
      .slice(0, 4)
      .map((batch) => [subject.trainStep(batch), subject.evaluate(data)] as const);
    for (const [i, [step, evaluation]] of calls.entries()) {
      await step;
      await alone.trainStep(batches[i]!);
      expect(await evaluation).toEqual(await alone.evaluate(data));
    }
  });

  it("takes a learning rate of its own for the step", async () => {
    const [subject, other] = [await make(), await make({ optimizer: sgd({ lr: 0.2, momentum: 0.9 }) })];
    const before = await weights(subject);
    expect((await subject.trainStep(batches[0]!, { learningRate: 0.2 })).learningRate).toBe(0.2);
    await other.trainStep(batches[0]!);
    expect(await weights(subject)).toEqual(await weights(other));
    expect(await weights(subject)).not.toEqual(before);
    for (const learningRate of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      await expect(subject.trainStep(batches[0]!, { learningRate })).rejects.toThrow(DataError);
    }
    expect(subject.step).toBe(1);
  });

  it.each([1, 2])(
    "tells the norm of each gradient if asked to, and so does fit (micro-batches: %d)",
    async (parts) => {
      const lr = 0.05;
      const options = { optimizer: sgd({ lr, gradientNorms: true }), microBatches: parts };
      const [subject, fitted] = [await make(options), await make(options)];
      const { weights: variables } = subject;
      const read = (): Promise<Float32Array[]> =>
        subject.variables.read(variables.map(({ tensor }) => tensor));
      const before = await read();
      const { gradientNorms } = await subject.trainStep(batches[0]!);
      const after = await read();
      expect(Object.keys(gradientNorms!).sort()).toEqual(variables.map(({ name }) => name).sort());
      for (const [i, { name }] of variables.entries()) {
        const norm = Math.hypot(...before[i]!.map((value, k) => value - after[i]![k]!)) / lr;
        expect(Math.abs(gradientNorms![name]! / norm - 1), name).toBeLessThan(1e-4);
      }
      const { steps } = await fitted.fit(data, { epochs: 1 });
      expect(steps[0]!.gradientNorms).toEqual(gradientNorms);
      expect(Object.keys(steps.at(-1)!.gradientNorms!)).toEqual(Object.keys(gradientNorms!)); // A smaller batch.
    },
  );

  it.each([1, 2])(
    "tells how much each parameter changed if asked to, and so does fit (micro-batches: %d)",
    async (microBatches) => {
      const optimizer = adamw({ lr: 0.01, clipNorm: 1, updateRatios: true });
      const options = { optimizer, microBatches, frozen: (name: string) => name === "hidden.bias" };
      const [subject, fitted] = [await make(options), await make(options)];
      const trained = subject.weights.filter(({ trainable }) => trainable);
      const read = (): Promise<Float32Array[]> => subject.variables.read(trained.map(({ tensor }) => tensor));
      const told: (BatchInfo["updateRatios"] & {})[] = [];
      for (const batch of batches.slice(0, 5)) {
        const before = await read();
        told.push((await subject.trainStep(batch)).updateRatios!);
        const after = await read();
        expect(Object.keys(told.at(-1)!)).toEqual(trained.map(({ name }) => name));
        for (const [i, { name }] of trained.entries()) {
          const change = Math.hypot(...after[i]!.map((value, k) => value - before[i]![k]!));
          const ratio = change / Math.hypot(...after[i]!);
          expect(Math.abs(told.at(-1)![name]! / ratio - 1), name).toBeLessThan(1e-5);
        }
      }
      const { steps } = await fitted.fit(data, { epochs: 1 });
      expect(steps.map(({ updateRatios }) => updateRatios)).toEqual(told);
      expect(steps[0]!.gradientNorms).toBeUndefined();
    },
  );

  it("tells a ratio of 1 of what was zero, and 0 of what stays so", async () => {
    const still: Model = {
      ...model,
      build: (images) => {
        const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
        const hidden = dense(flatten(images), "hidden", { outFeatures: 8, init: zeros, biasInit: zeros });
        return dense(hidden, "fc", { outFeatures: 4, init: zeros, biasInit: zeros });
      },
    };
    const subject = await make({ model: still, optimizer: sgd({ lr: 0.05, updateRatios: true }) });
    const { updateRatios } = await subject.trainStep(batches[0]!);
    // No gradient gets through weights of zero.
    expect(updateRatios).toEqual({ "hidden.weight": 0, "hidden.bias": 0, "fc.weight": 0, "fc.bias": 1 });
  });

  it("computes the same whether it tells or not", async () => {
    const telling = await make({
      optimizer: sgd({ lr: 0.05, momentum: 0.9, gradientNorms: true, updateRatios: true }),
    });
    const silent = await make();
    for (const batch of batches.slice(0, 5)) {
      expect((await telling.trainStep(batch)).loss).toBe((await silent.trainStep(batch)).loss);
    }
    expect(await weights(telling)).toEqual(await weights(silent));
  });

  it("and fit refuse each other, with who is busy", async () => {
    const subject = await make();
    const file = await subject.checkpoint();
    const step = subject.trainStep(batches[0]!);
    await expect(subject.fit(data, { epochs: 1 })).rejects.toThrow("fit: trainStep is running");
    expect(() => subject.restore(file)).toThrow("restore: trainStep is running");
    await step;
    let refused: unknown;
    await subject.fit(data, {
      epochs: 1,
      onStep: async () => {
        refused ??= await subject.trainStep(batches[0]!).catch((error: unknown) => error);
      },
    });
    expect(refused).toBeInstanceOf(BusyError);
    expect((refused as Error).message).toContain("trainStep: fit is running");
    expect((await subject.trainStep(batches[0]!)).step).toBe(7);
  });

  it("that is not finite rejects, whatever is in flight, and leaves later steps alone after restore", async () => {
    // Clipping keeps the weights finite, so that only the flags could spoil what follows.
    const subject = await make({ optimizer: sgd({ lr: 0.05, clipNorm: 1 }) });
    const good = await subject.checkpoint();
    const expected = (await subject.trainStep(batches[0]!)).loss;
    const bad = { ...batches[1]!, images: batches[1]!.images.map(() => Number.NaN) };
    const [first, second] = await Promise.allSettled([
      subject.trainStep(bad),
      subject.trainStep(batches[2]!),
    ]);
    expect(first).toMatchObject({ status: "rejected", reason: expect.any(NonFiniteError) });
    expect(second).toMatchObject({ status: "rejected", reason: expect.any(NonFiniteError) });
    for (let time = 0; time < 2; time++) {
      subject.restore(good);
      expect((await subject.trainStep(batches[0]!)).loss).toBe(expected);
    }
    // The same if a fit left in the middle of such a step.
    const images = Float32Array.from(data.images).fill(Number.NaN);
    const nan = { ...data, images };
    await expect(subject.fit(nan, { epochs: 1 })).rejects.toThrow(NonFiniteError);
    subject.restore(good);
    expect((await subject.trainStep(batches[0]!)).loss).toBe(expected);
  });

  it("rejects with a DestroyedError when the trainer is destroyed meanwhile", async () => {
    const subject = await make();
    const steps = batches.map((batch) => subject.trainStep(batch));
    const settled = Promise.allSettled(steps);
    await subject.destroy();
    for (const each of await settled) {
      expect(each).toMatchObject({ status: "rejected", reason: expect.any(DestroyedError) });
    }
  });

  it("refuses batches that do not fit", async () => {
    const subject = await make();
    const [batch] = batches as [Batch];
    const refuse = (part: Partial<Batch>): Promise<void> =>
      expect(subject.trainStep({ ...batch, ...part })).rejects.toThrow(DataError);
    await refuse({ size: 5 });
    await refuse({ size: 0 });
    await refuse({ size: 3 });
    await refuse({ images: batch.images.subarray(1) });
    await refuse({ labels: Int32Array.of(0, 1, 2, 4) });
    expect(subject.step).toBe(0);
  });
});

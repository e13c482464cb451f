import { describe, expect, it } from "vitest";
import {
  adamw,
  DataError,
  type Dataset,
  DeviceLostError,
  dense,
  dropout,
  flatten,
  interleaved,
  type Model,
  NonFiniteError,
  oneCycle,
  openDevice,
  ShapeError,
  sgd,
  subset,
  Trainer,
  type TrainerOptions,
  take,
  WeightsError,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const tiny = (): Model => interleaved({ inputShape: [8, 8, 1], classes: 4, widths: [4, 8, 8, 12] });

async function trainer(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  return Trainer.create({
    gpu: await testGpu(),
    model: tiny(),
    optimizer: sgd({ lr: 0.05, momentum: 0.9, weightDecay: 5e-4 }),
    batchSize: 16,
    seed: 3,
    ...options,
  });
}

const losses = (history: { readonly steps: readonly { readonly loss: number }[] }): number[] =>
  history.steps.map(({ loss }) => loss);

describe("Trainer", () => {
  it("learns, and evaluates and predicts alike", async () => {
    const data = quarters(256);
    const test = quarters(100, 2);
    const subject = await trainer({ schedule: oneCycle() });
    const { steps, epochs, stoppedEarly } = await subject.fit(data, { epochs: 3, validation: test });
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 48 }, (_, i) => i + 1));
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(stoppedEarly).toBe(false);
    expect(epochs.at(-1)!.testAccuracy).toBeGreaterThan(0.95);

    const evaluation = await subject.evaluate(test);
    expect(evaluation).toEqual({
      loss: epochs.at(-1)!.testLoss,
      accuracy: epochs.at(-1)!.testAccuracy,
      examples: 100,
      confusion: epochs.at(-1)!.confusion,
      metrics: {},
    });
    const probabilities = await subject.predict(test);
    expect(probabilities.length).toBe(400);
    let right = 0;
    let loss = 0;
    const confusion = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
    test.labels.forEach((label, i) => {
      const row = [...probabilities.subarray(4 * i, 4 * i + 4)];
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      const predicted = row.indexOf(Math.max(...row));
      confusion[label]![predicted]!++;
      right += Number(predicted === label);
      loss -= Math.log(row[label]!) / test.length;
    });
    expect(right / test.length).toBe(evaluation.accuracy);
    expect(evaluation.confusion).toEqual(confusion);
    expect(loss).toBeCloseTo(evaluation.loss, 4);
    await subject.destroy();
  });

  it("repeats a run bit for bit with the same seed, and not with another", async () => {
    const data = quarters(80);
    const runs: number[][] = [];
    for (const seed of [3, 3, 4]) {
      const subject = await trainer({ seed });
      runs.push(losses(await subject.fit(data, { epochs: 2 })));
      await subject.destroy();
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).not.toEqual(runs[0]);
  });

  it.each([
    ["sgd", () => sgd({ lr: 0.05, momentum: 0.9, nesterov: true })],
    ["adamw", () => adamw({ lr: 0.01, clipNorm: 1 })],
  ])("goes on from a checkpoint in the middle of an epoch bit for bit: %s", async (_, optimizer) => {
    const data = quarters(112);
    const withDropout: Model = {
      ...tiny(),
      build: (images) => {
        const hidden = dense(flatten(images), "hidden", { outFeatures: 20, activation: "relu" });
        return dense(dropout(hidden, "drop", 0.3), "fc", { outFeatures: 4 });
      },
    };
    for (const model of [tiny(), withDropout]) {
      const options = { model, optimizer: optimizer(), schedule: oneCycle() };
      const whole = await trainer(options);
      const expected = losses(await whole.fit(data, { epochs: 3 }));
      const expectedFile = await whole.checkpoint();

      const first = await trainer(options);
      const stop = new AbortController();
      const seen: number[] = [];
      const fit = first.fit(data, {
        epochs: 3,
        signal: stop.signal,
        onStep: ({ step, loss }) => {
          seen.push(loss);
          if (step === 9) stop.abort(new Error("enough"));
        },
      });
      await expect(fit).rejects.toThrow("enough");
      const file = await first.checkpoint({ metadata: { note: "half way" } });

      const second = await trainer({ ...options, seed: 3 });
      second.restore(file);
      expect(second.step).toBe(seen.length);
      seen.push(...losses(await second.fit(data, { epochs: 3 })));
      expect(seen).toEqual(expected);
      expect(await second.checkpoint()).toEqual(expectedFile);
      for (const t of [whole, first, second]) await t.destroy();
    }
  });

  it("counts the last, smaller batch of an epoch for what it is", async () => {
    const data = quarters(21);
    const subject = await trainer({ batchSize: 8 });
    const { steps } = await subject.fit(data, { epochs: 2 });
    expect(steps.map(({ examples }) => examples)).toEqual([8, 8, 5, 8, 8, 5]);
    const whole = await subject.evaluate(data);
    expect(whole.examples).toBe(21);
    // The same examples one by one.
    let loss = 0;
    for (let i = 0; i < 21; i++) loss += (await subject.evaluate(subset(data, [i]))).loss / 21;
    expect(whole.loss).toBeCloseTo(loss, 4);
    await subject.destroy();
  });

  it("keeps frozen parameters and the statistics of frozen batch norms, and has no moments for them", async () => {
    const subject = await trainer({ frozen: (name) => name.startsWith("block1.") });
    const before = await subject.checkpoint();
    await subject.fit(quarters(48), { epochs: 1 });
    const after = await subject.checkpoint();
    const { decodeSafetensors } = await import("webgraft");
    const [old, now] = [before, after].map((file) => decodeSafetensors(file, "checkpoint").tensors);
    const changed = [...now!].filter(([name, { bytes }]) => bytes.join() !== old!.get(name)!.bytes.join());
    expect(changed.filter(([name]) => name.includes("block1."))).toEqual([]);
    expect(changed.map(([name]) => name)).toContain("block2.bn1.running_mean");
    expect([...now!.keys()].filter((name) => name.startsWith("optimizer.momentum.block1"))).toEqual([]);
    await subject.destroy();
  });

  it("stops early when the validation loss no longer falls", async () => {
    const subject = await trainer({ optimizer: sgd({ lr: 0 }) });
    const { epochs, stoppedEarly } = await subject.fit(quarters(16), {
      epochs: 9,
      validation: quarters(8, 2),
      earlyStopping: { patience: 2, minDelta: 1 },
    });
    expect(stoppedEarly).toBe(true);
    expect(epochs.length).toBe(3);
    await subject.destroy();
  });

  it("ends after maxSteps, goes on from there bit for bit, and evaluates an epoch that they end", async () => {
    const options = { optimizer: adamw({ lr: 0.01 }), schedule: oneCycle() };
    const [data, validation] = [quarters(44), quarters(8, 2)];
    const whole = await trainer(options);
    const expected = await whole.fit(data, { epochs: 2, validation });
    const subject = await trainer(options);
    const seen: (readonly number[])[] = [];
    const all: number[] = [];
    for (const maxSteps of [0, 1, 1, 3, 5, 9]) {
      const history = await subject.fit(data, { epochs: 2, maxSteps, validation });
      seen.push([subject.step, history.steps.length, history.epochs.length]);
      all.push(...losses(history));
    }
    expect(seen).toEqual([
      [0, 0, 0],
      [1, 1, 0],
      [1, 0, 0],
      [3, 2, 1],
      [5, 2, 0],
      [6, 1, 1],
    ]);
    expect(all).toEqual(losses(expected));
    expect(await subject.checkpoint()).toEqual(await whole.checkpoint());
    await whole.destroy();
    await subject.destroy();
  });

  it("takes another learning rate for a fit, which the schedule multiplies", async () => {
    const schedule = (step: number): number => 2 ** -step;
    const data = quarters(48);
    const [low, high] = [0.01, 0.02];
    const whole = await trainer({ optimizer: sgd({ lr: high }), schedule });
    const expected = await whole.fit(data, { epochs: 1 });
    const subject = await trainer({ optimizer: sgd({ lr: low }), schedule });
    const { steps } = await subject.fit(data, { epochs: 1, learningRate: high });
    expect(steps.map(({ learningRate }) => learningRate)).toEqual([high, high / 2, high / 4]);
    expect(losses({ steps })).toEqual(losses(expected));
    // It is of that call only.
    const next = await subject.fit(data, { epochs: 2, maxSteps: 4 });
    expect(next.steps[0]!.learningRate).toBe(low / 8);
    await whole.destroy();
    await subject.destroy();
  });

  it("pauses while onStep's promise is open", async () => {
    const subject = await trainer();
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const seen: number[] = [];
    const fit = subject.fit(quarters(96), {
      epochs: 1,
      onStep: ({ step }) => {
        seen.push(step);
        return step === 2 ? gate : undefined;
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen).toEqual([1, 2]);
    open();
    await fit;
    expect(seen.length).toBe(6);
    await subject.destroy();
  });
});

describe("Trainer refuses", () => {
  it("data of another shape or number of classes", async () => {
    const subject = await trainer();
    const data = quarters(16);
    const wide: Dataset = { ...data, shape: [4, 16, 1] };
    await expect(subject.fit(wide, { epochs: 1 })).rejects.toThrow(
      "interleaved: expects images (8, 8, 1), quarters has (4, 16, 1)",
    );
    const more: Dataset = { ...data, classes: ["a", "b", "c", "d", "e"] };
    await expect(subject.evaluate(more)).rejects.toThrow("has 4 classes, quarters has 5");
    await expect(subject.fit(take(data, 8), { epochs: 1 })).rejects.toThrow(DataError);
    await subject.destroy();
  });

  it.each([
    [{ maxSteps: 1.5 }, "fit: maxSteps must be a whole number — got 1.5"],
    [{ maxSteps: -1 }, "fit: maxSteps must be a whole number — got -1"],
    [{ learningRate: Number.NaN }, "fit: learningRate must be finite and not negative — got NaN"],
    [{ learningRate: "1" as unknown as number }, "learningRate must be finite and not negative — got 1"],
  ])("to fit with %o", async (options, message) => {
    const subject = await trainer();
    await expect(subject.fit(quarters(16), { epochs: 1, ...options })).rejects.toThrow(message);
    await subject.destroy();
  });

  it("a checkpoint of another model, optimizer or seed, or one that is cut short, and stays as it was", async () => {
    const subject = await trainer();
    const before = await subject.checkpoint();
    const other = await trainer({
      model: interleaved({ inputShape: [8, 8, 1], classes: 4, widths: [4, 8, 8, 16] }),
    });
    expect(() => subject.restore(before.subarray(0, before.length - 1))).toThrow(WeightsError);
    const foreign = await other.checkpoint();
    expect(() => subject.restore(foreign, "other.safetensors")).toThrow(
      /^other\.safetensors does not fit the model: block2\.conv1\.weight is \(16, 8, 3, 3\), the model has \(12, 8, 3, 3\);/,
    );
    const adam = await trainer({ optimizer: adamw({ lr: 0.1 }) });
    const adams = await adam.checkpoint();
    expect(() => subject.restore(adams)).toThrow("was made with adamw, this trainer uses sgd");
    const seeded = await trainer({ seed: 4 });
    const seed4 = await seeded.checkpoint();
    expect(() => subject.restore(seed4)).toThrow("was made with seed 4, this trainer has 3");
    expect(await subject.checkpoint()).toEqual(before);
    for (const t of [subject, other, adam, seeded]) await t.destroy();
  });

  it("to go on when the loss is no number", async () => {
    const subject = await trainer({ optimizer: sgd({ lr: 3e38 }) });
    await expect(subject.fit(quarters(96), { epochs: 1 })).rejects.toThrow(NonFiniteError);
    await subject.destroy();
  });

  it("batch sizes and class weights that make no sense", async () => {
    await expect(trainer({ batchSize: 0 })).rejects.toThrow(DataError);
    await expect(trainer({ classWeights: [1, 2] })).rejects.toThrow(ShapeError);
    await expect(trainer({ classWeights: [1, 1, 1, Number.NaN] })).rejects.toThrow(ShapeError);
  });
});

describe("a device that is lost", () => {
  it("ends training with a DeviceLostError", async () => {
    const gpu = await openDevice();
    const subject = await trainer({ gpu });
    const fit = subject.fit(quarters(320), {
      epochs: 9,
      onStep: ({ step }) => {
        if (step === 3) gpu.device.destroy();
      },
    });
    await expect(fit).rejects.toThrow(DeviceLostError);
    await expect(subject.evaluate(quarters(16))).rejects.toThrow(DeviceLostError);
    await expect(subject.checkpoint()).rejects.toThrow(DeviceLostError);
  });
});

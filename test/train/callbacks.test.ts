/** What fit does by how epochs go, averages of weights, metrics, predictors on a trainer's weights, and profiles. */
import { afterEach, describe, expect, it } from "vitest";
import {
  type Trainer as AnyTrainer,
  DestroyedError,
  DeviceError,
  decodeSafetensors,
  describeProfile,
  type EpochInfo,
  ema,
  type FitOptions,
  Gpu,
  type Metric,
  mseLoss,
  type Network,
  Predictor,
  perClass,
  saveWeights,
  sgd,
  type Told,
  Trainer,
  type TrainerOptions,
  topK,
  type WeightsTarget,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import {
  type Named,
  regression,
  regressionData,
  twoOfTwo,
  twoOfTwoData,
  twoOfTwoLoss,
} from "../support/models/networks.ts";
import { testGpu } from "../support/run/gpu.ts";

const made: { destroy(): unknown }[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

const loss = ({ y }: Named, targets: Named) => mseLoss(y!, targets.y!);
async function make(options: Partial<TrainerOptions<Network>> = {}): Promise<AnyTrainer<Network>> {
  const optimizer = sgd({ lr: 0.1, momentum: 0.9 });
  const given = {
    gpu: await testGpu(),
    model: regression,
    loss,
    optimizer,
    batchSize: 4,
    tune: "off",
  } as const;
  const trainer = await Trainer.create<Network>({ ...given, ...options });
  made.push(trainer);
  return trainer;
}
const data = regressionData(12);
const validation = regressionData(6, "validation");
const weights = ({ weights: list, variables }: WeightsTarget) =>
  variables.read(list.map(({ tensor }) => tensor));

describe("what watches validations", () => {
  it("keepBest ends with the weights of the best epoch, early stopping or not", async () => {
    // So large a rate that later epochs are worse.
    const optimizer = sgd({ lr: 0.6, momentum: 0.9 });
    const trainer = await make({ optimizer });
    const seen: { info: Told<Network, EpochInfo>; kept: readonly Float32Array[] }[] = [];
    const options: FitOptions<Network> = {
      ...{ epochs: 8, validation, keepBest: {} },
      onEpoch: async (info) => void seen.push({ info, kept: await weights(trainer) }),
    };
    await trainer.fit(data, options);
    const best = seen.toSorted((a, b) => a.info.testLoss - b.info.testLoss)[0]!;
    expect(best.info.epoch).toBeLessThan(8);
    expect(await weights(trainer)).toEqual(best.kept);
    expect((await trainer.evaluate(validation)).loss).toBe(best.info.testLoss);

    const stopped = await make({ optimizer });
    const { stoppedEarly, epochs } = await stopped.fit(data, {
      ...{ epochs: 8, validation, keepBest: {}, earlyStopping: { patience: 1 } },
    });
    expect(stoppedEarly).toBe(true);
    const least = Math.min(...epochs.map(({ testLoss }) => testLoss));
    expect((await stopped.evaluate(validation)).loss).toBe(least);
  });

  it("a plateau lowers the rate, and a resumed run goes on with it bit for bit", async () => {
    const options = {
      ...{ epochs: 6, validation, earlyStopping: { patience: 9 } },
      reduceOnPlateau: { factor: 0.5, patience: 1, minDelta: 100 },
    };
    const whole = await make();
    const { steps } = await whole.fit(data, options);
    expect(steps.filter((_, i) => i % 3 === 0).map(({ learningRate }) => learningRate)).toEqual(
      [1, 1, 0.5, 0.25, 0.125, 0.0625].map((factor) => 0.1 * factor),
    );
    const first = await make();
    await first.fit(data, { ...options, maxSteps: 10 });
    const second = await make();
    second.restore(await first.checkpoint());
    await second.fit(data, options);
    expect(await second.checkpoint()).toEqual(await whole.checkpoint());
  });
});

describe("averages of weights", () => {
  it("are what is evaluated, predicted and saved from the first step on, and resume bit for bit", async () => {
    const decay = 0.7;
    const [subject, plain] = [await make({ ema: ema({ decay }) }), await make()];
    expect((await subject.evaluate(validation)).loss).toBe((await plain.evaluate(validation)).loss);
    const expected: Float64Array[] = [];
    await subject.fit(data, {
      epochs: 2,
      onStep: async () => {},
    });
    await plain.fit(data, {
      epochs: 2,
      // In turn: the weights of one step.
      maxSteps: 6,
    });
    expect(await weights(subject)).toEqual(await weights(plain));
    const again = await make();
    for (let step = 1; step <= 6; step++) {
      await again.fit(data, { epochs: 2, maxSteps: step });
      (await weights(again)).forEach((values, i) => {
        const before = expected[i];
        expected[i] = Float64Array.from(values, (w, j) =>
          before ? decay * before[j]! + (1 - decay) * w : w,
        );
      });
    }
    const averages = await weights(subject.averaged!);
    averages.forEach((values, i) => {
      values.forEach((a, j) => {
        expect(Math.abs(a - expected[i]![j]!)).toBeLessThan(1e-6);
      });
    });
    // A trainer with the averages for weights evaluates the same.
    for (const [i, { tensor }] of plain.weights.entries()) plain.variables.write(tensor, averages[i]!);
    expect((await subject.evaluate(validation)).loss).toBe((await plain.evaluate(validation)).loss);
    expect(await subject.predict({ x: validation.x })).toEqual(await plain.predict({ x: validation.x }));
    const predictor = await Predictor.of(subject, { batchSize: 3 });
    made.push(predictor);
    expect(await predictor.predict({ x: validation.x })).toEqual(await plain.predict({ x: validation.x }));
    const file = decodeSafetensors(await saveWeights(subject.averaged!), "averages");
    expect([...file.tensors.keys()]).toEqual(subject.weights.map(({ name }) => name));

    const first = await make({ ema: ema({ decay }) });
    await first.fit(data, { epochs: 2, maxSteps: 4 });
    const second = await make({ ema: ema({ decay }) });
    second.restore(await first.checkpoint());
    await second.fit(data, { epochs: 2 });
    expect(await second.checkpoint()).toEqual(await subject.checkpoint());
  });
});

describe("metrics", () => {
  it("arrive under their names, summed over batches of any size, for validations and evaluations", async () => {
    const examples = twoOfTwoData(10);
    const absolute: Metric<number> = {
      sums: ({ outputs, targets, size }) => [
        outputs.size!.reduce((sum, v, i) => sum + Math.abs(v - targets.size![i]!), 0),
        size,
      ],
      value: ([sum, count]) => sum! / count!,
    };
    const metrics = {
      absolute,
      top2: topK(2, { output: "kind", target: "kind" }),
      classes: perClass({ output: "kind", target: "kind" }),
    };
    const trainer = await Trainer.create({
      ...{ gpu: await testGpu(), model: twoOfTwo, loss: twoOfTwoLoss, metrics, tune: "off" },
      ...{ optimizer: sgd({ lr: 0.1 }), batchSize: 4 },
    });
    made.push(trainer);
    const { epochs } = await trainer.fit(examples, {
      ...{ epochs: 1, validation: examples, keepBest: { metric: "absolute", mode: "min" } },
    });
    const { metrics: told } = await trainer.evaluate(examples);
    expect(epochs[0]!.metrics).toEqual(told);
    const { size } = await trainer.predict({ image: examples.image, facts: examples.facts });
    const sum = examples.size.reduce((all, target, i) => all + Math.abs(target - size![i]!), 0);
    expect(told.absolute).toBeCloseTo(sum / 10, 5);
    expect(told.classes.reduce((all, { examples: count }) => all + count, 0)).toBe(10);
    expect(told.top2).toBeGreaterThan(0);
  });
});

describe("a trainer's predictor", () => {
  it("shares its weights, takes turns with its steps, and ends with it", async () => {
    const trainer = await make();
    const predictor = await Predictor.of(trainer, { batchSize: 5 });
    const before = await predictor.predict({ x: validation.x });
    expect(before).toEqual(await trainer.predict({ x: validation.x }));
    const fit = trainer.fit(data, { epochs: 4 });
    await predictor.predict({ x: validation.x });
    await fit;
    const after = await predictor.predict({ x: validation.x });
    expect(after).not.toEqual(before);
    expect(after).toEqual(await trainer.predict({ x: validation.x }));
    await expect(predictor.predict({ x: validation.x.subarray(1) })).rejects.toThrow(
      "expects x (3), 3 values each",
    );
    await expect(predictor.classify([])).rejects.toThrow("needs a classifier of images");

    const other = await Predictor.of(trainer);
    other.destroy();
    expect((await trainer.evaluate(validation)).loss).toBeGreaterThan(0);
    await trainer.destroy();
    await expect(predictor.predict({ x: validation.x })).rejects.toThrow(DestroyedError);
    predictor.destroy();
  });

  it("reads weights that do not train where they lie", async () => {
    const model = { ...regression, frozen: ["out.bias"] };
    const trainer = await make({ model, frozen: (name) => name === "hidden.weight" });
    await trainer.fit(data, { epochs: 1 });
    const predictor = await Predictor.of(trainer, { batchSize: 5 });
    expect(await predictor.predict({ x: validation.x })).toEqual(await trainer.predict({ x: validation.x }));
  });
});

describe("a profile", () => {
  it("trains a step as trainStep does, and tells the time of each launch by layer", async () => {
    for (const microBatches of [1, 2]) {
      const [subject, other] = [await make({ microBatches }), await make({ microBatches })];
      const { x, y } = regressionData(4);
      const profile = await subject.profile({ x, y });
      await other.trainStep({ x, y });
      expect(await weights(subject)).toEqual(await weights(other));
      expect(subject.step).toBe(1);
      const layers = profile.layers.map(({ layer }) => layer);
      expect(layers).toEqual(expect.arrayContaining(["hidden", "out", "loss", "sgd of parameters.0"]));
      expect(profile.launches.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
      expect(profile.layers.reduce((sum, { launches }) => sum + launches, 0)).toBe(profile.launches.length);
      expect(describeProfile(profile)).toMatch(/^Layer +Forward, ms +Backward, ms +Share +Launches\n─+\n/);
    }
  });

  it("is refused without timestamps, before it trains", async () => {
    const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
    const gpu = new Gpu(device);
    const trainer = await make({ gpu });
    const { x, y } = regressionData(4);
    await expect(trainer.profile({ x, y })).rejects.toThrow(DeviceError);
    expect(trainer.step).toBe(0);
    await trainer.destroy();
    device.destroy();
  });
});

it("a classifier has all of this too", async () => {
  const { interleaved } = await import("webgraft");
  const trainer = await Trainer.create({
    ...{ gpu: await testGpu(), optimizer: sgd({ lr: 0.05 }), batchSize: 8, tune: "off" },
    model: interleaved({ inputShape: [8, 8, 1], classes: 4, widths: [4, 4, 8, 8] }),
    ...{ metrics: { top2: topK(2), classes: perClass() }, ema: ema({ decay: 0.5 }) },
  });
  made.push(trainer);
  const images = quarters(20);
  await trainer.fit(images, { epochs: 1, validation: images, keepBest: { metric: "testAccuracy" } });
  const { accuracy, confusion, metrics } = await trainer.evaluate(images);
  expect(metrics.classes.map(({ examples }) => examples)).toEqual(
    confusion.map((row) => row.reduce((sum, count) => sum + count, 0)),
  );
  expect(metrics.top2).toBeGreaterThanOrEqual(accuracy);
  const gradients = await trainer.gradients();
  expect(gradients["fc.weight"]!.length).toBe(
    trainer.weights.find(({ name }) => name === "fc.weight")!.tensor.shape.reduce((a, b) => a * b),
  );
});

/** Networks that are no classifiers of images: named inputs, outputs and targets, losses of one's own, shared weights. */
import { afterEach, describe, expect, it } from "vitest";
import {
  type AnyNetwork,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  DataError,
  dense,
  flatten,
  type MetricValues,
  type Model,
  mseLoss,
  type Network,
  ShapeError,
  type StepInfo,
  sgd,
  Trainer,
  type TrainerOptions,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import {
  type Named,
  noise,
  regression,
  regressionData,
  siamese,
  siameseData,
  twoOfTwo,
  twoOfTwoData,
  twoOfTwoLoss,
} from "../support/models/networks.ts";
import { regressionLosses } from "../support/reference/regression.ts";
import { testGpu } from "../support/run/gpu.ts";

const hasHalf = (await testGpu()).capabilities.features.includes("shader-f16");

const made: { destroy(): unknown }[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

async function make<M extends AnyNetwork, V extends MetricValues = MetricValues>(
  options: Omit<TrainerOptions<M, V>, "gpu" | "optimizer"> & Partial<TrainerOptions<M, V>>,
): Promise<Trainer<M, V>> {
  const optimizer = sgd({ lr: 0.1, momentum: 0.9 });
  const trainer = await Trainer.create<M, V>({ gpu: await testGpu(), optimizer, tune: "off", ...options });
  made.push(trainer as unknown as { destroy(): unknown });
  return trainer;
}

const loss = ({ y }: Named, targets: Named) => mseLoss(y!, targets.y!);
const values = async (trainer: Pick<Trainer, "weights" | "variables">) =>
  new Map(
    (await trainer.variables.read(trainer.weights.map(({ tensor }) => tensor))).map((v, i) => [
      trainer.weights[i]!.name,
      v,
    ]),
  );

describe("a regression", () => {
  it("has the losses of the same training in f64, by fit and by trainStep", async () => {
    const data = regressionData(10);
    const fitted = await make({ model: regression, loss, batchSize: 4, seed: 2 });
    const expected = regressionLosses(await values(fitted), data, {
      ...{ batchSize: 4, seed: 2, epochs: 8, lr: 0.1, momentum: 0.9 },
    });
    const { steps } = await fitted.fit(data, { epochs: 8 });
    expect(steps.length).toBe(24);
    steps.forEach((info, i) => {
      expect(Math.abs(info.loss - expected.losses[i]!), `step ${i + 1}`).toBeLessThan(1e-5);
      expect(info).not.toHaveProperty("accuracy");
    });
    expect(expected.lossOf(data)).toBeLessThan(0.7 * expected.losses[0]!);
    // Batches of 4, 4 and 2: the last is evaluated alone, not filled up.
    const evaluation = await fitted.evaluate(data);
    expect(Math.abs(evaluation.loss - expected.lossOf(data))).toBeLessThan(1e-5);
    expect(evaluation).toEqual({ loss: evaluation.loss, examples: 10, metrics: {} });
    const { y } = await fitted.predict({ x: data.x });
    const squares = data.y.reduce((sum, target, i) => sum + (target - y![i]!) ** 2, 0);
    expect(squares / 20).toBeCloseTo(evaluation.loss, 5);

    const stepped = await make({ model: regression, loss, batchSize: 4, seed: 2 });
    for (let i = 0; i < 24; i++) {
      const order = expected.batches[i]!;
      const batch = {
        x: Float32Array.from(order.flatMap((n) => [...data.x.subarray(3 * n, 3 * n + 3)])),
        y: Float32Array.from(order.flatMap((n) => [...data.y.subarray(2 * n, 2 * n + 2)])),
      };
      expect((await stepped.trainStep(batch)).loss).toBe(steps[i]!.loss);
    }
  });

  it("tells its gradients, which are the slopes of the loss", async () => {
    const data = regressionData(4);
    const trainer = await make({ model: regression, loss, batchSize: 4 });
    await expect(trainer.gradients()).rejects.toThrow("gradients: no step has been trained");
    const before = await values(trainer);
    await trainer.trainStep(data, { learningRate: 0 });
    const gradients = await trainer.gradients();
    expect(await values(trainer)).toEqual(before);
    const { gradientsOf } = regressionLosses(before, data, {
      batchSize: 4,
      seed: 0,
      epochs: 0,
      lr: 0,
      momentum: 0,
    });
    const expected = gradientsOf(data);
    expect(Object.keys(gradients)).toEqual(["hidden.weight", "hidden.bias", "out.weight", "out.bias"]);
    for (const [name, slopes] of Object.entries(expected)) {
      slopes.forEach((slope, i) => {
        expect(Math.abs(gradients[name]![i]! - slope), `${name}[${i}]`).toBeLessThan(1e-6);
      });
    }
  });

  it("refuses what does not fit, by name", async () => {
    const trainer = await make({ model: regression, loss, batchSize: 4 });
    const { x, y } = regressionData(6);
    const refused = async (data: object, message: string): Promise<void> => {
      await expect(trainer.evaluate(data as { x: typeof x })).rejects.toThrow(DataError);
      await expect(trainer.evaluate(data as { x: typeof x })).rejects.toThrow(message);
    };
    await refused({ x }, "evaluate: y is missing — the network has x, y, got x");
    await refused({ x, y, z: x }, "there is no input or target z");
    await refused({ x, y: y.subarray(2) }, "all must hold as many examples — x has 6, y has 5");
    await refused({ x: x.subarray(1), y }, "x must hold examples of (3), 3 values each — got 17");
    await refused({ x, y: Array.from(y) }, "y must be a Float32Array or Uint8Array — got Array");
    await expect(trainer.trainStep({ x, y })).rejects.toThrow("a batch must have 1…4 examples");
    await expect(make({ model: regression, batchSize: 4 })).rejects.toThrow("needs a loss");
    const predicts = ({ y: out }: Named) => out!;
    await expect(make({ model: regression, loss: predicts, batchSize: 4 })).rejects.toThrow(ShapeError);
    const weighted = make({ model: regression, loss, batchSize: 4, classWeights: [1, 2] });
    await expect(weighted).rejects.toThrow("are for classifiers of images (Model)");
  });
});

describe("two inputs, two outputs and a weighted loss", () => {
  it.each([
    { microBatches: 2 },
    { memory: "recompute" as const },
    ...(hasHalf ? [{ precision: "mixed" as const }] : []),
  ])("%o train as without", async (options: Partial<TrainerOptions>) => {
    const data = twoOfTwoData(14);
    const plain = await make({ model: twoOfTwo, loss: twoOfTwoLoss, batchSize: 4 });
    const other = await make({ model: twoOfTwo, loss: twoOfTwoLoss, batchSize: 4, ...(options as object) });
    const [expected, losses] = [
      await plain.fit(data, { epochs: 10 }),
      await other.fit(data, { epochs: 10 }),
    ].map(({ steps }) => steps.map((step) => step.loss)) as [number[], number[]];
    const tolerance = options.precision ? 0.02 : 1e-4;
    losses.forEach((each, i) => {
      expect(Math.abs(each - expected[i]!), `step ${i + 1}`).toBeLessThan(tolerance);
    });
    expect(expected.at(-1)).toBeLessThan(0.7 * expected[0]!);
    const [a, b] = [await plain.evaluate(data), await other.evaluate(data)];
    expect(Math.abs(a.loss - b.loss)).toBeLessThan(tolerance);
  });

  it("goes on from a checkpoint bit for bit", async () => {
    const data = twoOfTwoData(10);
    const [whole, first, second] = [1, 2, 3].map(() =>
      make({ model: twoOfTwo, loss: twoOfTwoLoss, batchSize: 4 }),
    );
    await (await whole!).fit(data, { epochs: 3 });
    await (await first!).fit(data, { epochs: 3, maxSteps: 4 });
    (await second!).restore(await (await first!).checkpoint());
    await (await second!).fit(data, { epochs: 3 });
    expect(await (await second!).checkpoint()).toEqual(await (await whole!).checkpoint());
  });
});

it("several labels at once are learnt by binary cross-entropy, and an autoencoder by its inputs", async () => {
  const x = noise(4 * 16, "x");
  const tags = Uint8Array.from({ length: 2 * 16 }, (_, i) => Number(x[4 * (i >> 1) + (i % 2)]! > 0));
  const model: Network = {
    name: "tags and copy",
    inputs: { x: [4] },
    targets: { tags: [2] },
    build: ({ x: given }: Named) => {
      const code = dense(given!, "code", { outFeatures: 3, activation: "tanh" });
      return {
        tags: dense(code, "tags", { outFeatures: 2 }),
        copy: dense(code, "copy", { outFeatures: 4 }),
        x: given!,
      };
    },
  };
  // Bytes stand for 0…1 in steps of 1/255.
  const bytes = tags.map((tag) => 255 * tag);
  const tagging = await make({
    model,
    loss: (outputs: Named, targets: Named) => binaryCrossEntropyWithLogits(outputs.tags!, targets.tags!),
    batchSize: 8,
  });
  const copying = await make({
    model,
    loss: (outputs: Named) => mseLoss(outputs.copy!, outputs.x!),
    batchSize: 8,
  });
  for (const trainer of [tagging, copying]) {
    const { steps } = await trainer.fit({ x, tags: bytes }, { epochs: 40 });
    expect(steps.at(-1)!.loss).toBeLessThan(0.4 * steps[0]!.loss);
  }
  const { tags: logits } = await tagging.predict({ x });
  const right = tags.filter((tag, i) => tag === Number(logits![i]! > 0)).length;
  expect(right).toBeGreaterThan(28);
});

it("a classifier may have a loss of its own", async () => {
  const model: Model = {
    ...{ name: "tiny", inputShape: [8, 8, 1], classes: 4, options: {} },
    build: (images) => dense(flatten(images), "fc", { outFeatures: 4 }),
  };
  const images = quarters(18);
  const plain = await make<Model>({ model, batchSize: 4, labelSmoothing: 0.1 });
  const own = await make<Model>({
    ...{ model, batchSize: 4 },
    loss: (logits, labels) => crossEntropy(logits, labels, { labelSmoothing: 0.1 }),
  });
  const [expected, { steps }] = [
    await plain.fit(images, { epochs: 2 }),
    await own.fit(images, { epochs: 2 }),
  ];
  const told = ({ loss: of, accuracy }: StepInfo) => [of, accuracy];
  expect(steps.map(told)).toEqual(expected.steps.map(told));
  const [a, b] = [await plain.evaluate(images), await own.evaluate(images)];
  expect(b).toEqual({ ...a, loss: b.loss });
  // The loss of an evaluation is the trained one, smoothing included.
  expect(b.loss).not.toBe(a.loss);
  expect(await own.predict(images)).toEqual(await plain.predict(images));
  const refused = make<Model>({ model, batchSize: 4, loss: crossEntropy, classWeights: [1, 1, 1, 2] });
  await expect(refused).rejects.toThrow("are options of crossEntropy — give them to it in your loss");
});

describe("layers that are used twice", () => {
  const alike = (outputs: Named, targets: Named) => mseLoss(outputs.alike!, targets.alike!);

  it("are saved once, and their gradients are the slopes of the loss", async () => {
    const data = siameseData(6);
    const trainer = await make({ model: siamese, loss: alike, batchSize: 6 });
    const names = trainer.weights.map(({ name }) => name);
    expect(names.filter((name) => name === "conv.weight").length).toBe(1);
    expect(new Set(names).size).toBe(names.length);
    await trainer.trainStep(data, { learningRate: 0 });
    const gradients = await trainer.gradients();
    for (const name of ["conv.weight", "bn.weight", "embedding.weight", "embedding.bias"]) {
      const { tensor } = trainer.weights.find((weight) => weight.name === name)!;
      const [start] = await trainer.variables.read([tensor]);
      const direction = noise(start!.length, `direction of ${name}`);
      const losses: number[] = [];
      for (const step of [1e-2, -1e-2]) {
        trainer.variables.write(
          tensor,
          start!.map((v, i) => v + step * direction[i]!),
        );
        losses.push((await trainer.trainStep(data, { learningRate: 0 })).loss);
      }
      trainer.variables.write(tensor, start!);
      const slope = (losses[0]! - losses[1]!) / 2e-2;
      const expected = gradients[name]!.reduce((sum, g, i) => sum + g * direction[i]!, 0);
      expect(Math.abs(slope - expected), name).toBeLessThan(2e-3 * Math.max(0.1, Math.abs(expected)));
    }
  });

  it("update running statistics in order, in any way of computing, and learn", async () => {
    const data = siameseData(16);
    const [plain, ...others] = await Promise.all(
      [{}, { memory: "recompute" as const }, { fuse: false }].map((options) =>
        make({ model: siamese, loss: alike, batchSize: 8, ...options }),
      ),
    );
    const { steps } = await plain!.fit(data, { epochs: 30 });
    expect(steps.at(-1)!.loss).toBeLessThan(0.5 * steps[0]!.loss);
    for (const other of others) await other.fit(data, { epochs: 2 });
    const again = await make({ model: siamese, loss: alike, batchSize: 8 });
    await again.fit(data, { epochs: 2 });
    const expected = await values(again);
    for (const other of others) {
      for (const [name, each] of await values(other)) {
        each.forEach((v, i) => {
          expect(Math.abs(v - expected.get(name)![i]!), `${name}[${i}]`).toBeLessThan(1e-4);
        });
      }
    }
    // After one step with frozen weights: 0.9 (0.9 · 0 + 0.1 m₁) + 0.1 m₂ of the means of both sides.
    const one = await make({ model: siamese, loss: alike, batchSize: 16 });
    const kernel = (await values(one)).get("conv.weight")!;
    await one.trainStep(data, { learningRate: 0 });
    const means = [data.left, data.right].map((images) => meanOfConv(images, kernel));
    const running = (await values(one)).get("bn.running_mean")!;
    running.forEach((mean, k) => {
      expect(mean).toBeCloseTo(0.09 * means[0]![k]! + 0.1 * means[1]![k]!, 5);
    });
  });
});

/** Means over all pixels of 3×3 images under a 3×3 convolution (3, 3, 1, 4) with padding 1. */
function meanOfConv(images: Float32Array, kernel: Float32Array): number[] {
  const count = images.length;
  return [0, 1, 2, 3].map((k) => {
    let sum = 0;
    images.forEach((value, i) => {
      const [row, column] = [Math.floor((i % 9) / 3), i % 3];
      for (let r = 0; r < 3; r++) {
        for (let s = 0; s < 3; s++) {
          const [p, q] = [row + 1 - r, column + 1 - s];
          if (p >= 0 && p < 3 && q >= 0 && q < 3) sum += value * kernel[(3 * r + s) * 4 + k]!;
        }
      }
    });
    return sum / count;
  });
}

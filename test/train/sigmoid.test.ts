/** Classifiers with a sigmoid at their end: of two classes by one logit, and of labels that do not exclude each other. */
import { afterEach, describe, expect, it } from "vitest";
import { commands } from "vitest/browser";
import {
  createDataset,
  type DataSource,
  exportOnnx,
  FeatureCache,
  freeze,
  importOnnx,
  loadModel,
  loadWeights,
  type Model,
  multiLabel,
  type NamedWeights,
  Predictor,
  perLabel,
  saveModel,
  sgd,
  Trainer,
  type TrainerOptions,
} from "webgraft";
import { pad } from "../../src/graph/tensor.ts";
import { readTensors } from "../../src/weights/load.ts";
import { relativeError, someImages } from "../support/data/images.ts";
import { chain, GraphFile, node } from "../support/models/onnx-graph.ts";
import { testGpu } from "../support/run/gpu.ts";

/** f32 sums in another order, and what a driver makes of exp and log. */
const ROUNDING = 1e-5;

const made: { destroy(): unknown }[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

async function make(options: Partial<TrainerOptions> & Pick<TrainerOptions, "model">): Promise<Trainer> {
  const defaults = { optimizer: sgd({ lr: 0.5 }), batchSize: 4, tune: "off" } as const;
  const trainer = await Trainer.create({ gpu: await testGpu(), ...defaults, ...options });
  made.push(trainer);
  return trainer;
}

/** A network of K numbers and a sigmoid. */
const file = (K: number) =>
  new GraphFile()
    .input("x", ["N", 3, 5, 4])
    .conv("x", "c", 6, 3)
    .relu("c", "r")
    .append(chain(node("GlobalAveragePool", ["r"], "m"), node("Flatten", ["m"], "f")))
    .gemm("f", "g", 6, K)
    .append(chain(node("Sigmoid", ["g"], "y")))
    .finish("y");

const SIZE = 5 * 4 * 3;
const shape = (N: number) => [N, 5, 4, 3] as [number, number, number, number];

/** Mean binary cross-entropy, in f64. */
const crossEntropyOf = (p: ArrayLike<number>, targets: ArrayLike<number>): number =>
  Array.from(p, (p, i) => -(targets[i]! * Math.log(p) + (1 - targets[i]!) * Math.log(1 - p))).reduce(
    (a, b) => a + b,
  ) / p.length;

const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const runtime = (bytes: Uint8Array, N: number) => commands.runOnnxBytes(toBase64(bytes), shape(N));

/** What a predictor of the trainer gives, and ONNX Runtime for what the trainer has learnt. */
async function both(trainer: Trainer, N: number): Promise<{ ours: Float32Array; theirs: number[] }> {
  const predictor = await Predictor.of(trainer);
  const ours = await predictor.predict(someImages(shape(N)));
  predictor.destroy();
  const weights: NamedWeights = await readTensors(trainer.variables, trainer.weights);
  return { ours, theirs: await runtime(exportOnnx(trainer.model, weights, { probabilities: true }), N) };
}

describe("a binary classifier", () => {
  const labels = Int32Array.of(1, 0, 0, 1, 1, 0);
  const images = someImages(shape(6));
  const data = createDataset({ name: "two", shape: [5, 4, 3], classes: ["no", "yes"], images, labels });

  it("trains by binary cross-entropy on labels 0 and 1, and goes out as it came in", async () => {
    const bytes = file(1);
    const { model, weights } = importOnnx(bytes);
    const trainer = await make({ model, batchSize: 6 });
    await loadWeights(trainer, weights);
    const before = await runtime(bytes, 6);
    const { ours } = await both(trainer, 6);
    before.forEach((p, i) => {
      expect(Math.abs(ours[2 * i]! - (1 - p))).toBeLessThan(ROUNDING);
      expect(Math.abs(ours[2 * i + 1]! - p)).toBeLessThan(ROUNDING);
    });
    const { loss, accuracy, confusion } = await trainer.evaluate(data);
    expect(Math.abs(loss - crossEntropyOf(before, labels))).toBeLessThan(ROUNDING);
    const right = before.filter((p, i) => Number(p > 0.5) === labels[i]).length;
    expect(accuracy).toBe(right / 6);
    expect(confusion[0]![0]! + confusion[1]![1]!).toBe(right);

    const { steps } = await trainer.fit(data, { epochs: 2 });
    expect(Math.abs(steps[0]!.loss - loss)).toBeLessThan(ROUNDING);
    expect(steps[1]!.loss).toBeLessThan(loss);
    const after = await both(trainer, 6);
    expect(after.theirs.length).toBe(6);
    expect(
      relativeError(
        after.ours.filter((_, i) => i % 2 === 1),
        after.theirs,
      ),
    ).toBeLessThan(ROUNDING);
    expect(relativeError(after.theirs, before)).toBeGreaterThan(10 * ROUNDING);
  });

  it("learns by gradients of the sigmoid: a step is that of the f64 formula", async () => {
    const { model, weights } = importOnnx(file(1));
    const trainer = await make({ model, batchSize: 6, optimizer: sgd({ lr: 1 }) });
    await loadWeights(trainer, weights);
    const p = await runtime(file(1), 6);
    await trainer.fit(data, { epochs: 1 });
    const after = await readTensors(trainer.variables, trainer.weights);
    const expected = weights.get("g.bias")!.data[0]! - p.reduce((sum, p, i) => sum + p - labels[i]!, 0) / 6;
    expect(Math.abs(after.get("g.bias")!.data[0]! - expected)).toBeLessThan(ROUNDING);
  });

  it("trains on the features of its frozen part, and is saved", async () => {
    const { model, weights } = importOnnx(file(1));
    const trainer = await make({ model, frozen: freeze("c.*") });
    await loadWeights(trainer, weights);
    const cache = await FeatureCache.create(trainer);
    made.push(cache);
    await cache.head.fit(await cache.features(data), { epochs: 2 });
    await cache.finish();
    const expected = await trainer.predict(data);
    const saved = await saveModel(trainer, { labels: data.classes });
    const { predictor } = await loadModel(saved, { gpu: await testGpu() });
    made.push(predictor);
    expect(relativeError(await predictor.predict(images), expected)).toBeLessThan(ROUNDING);
  });
});

describe("a classifier of labels that do not exclude each other", () => {
  const N = 7;
  const K = 3;
  const images = someImages(shape(N));
  const tags = Uint8Array.from({ length: N * K }, (_, i) => Number((i * 7) % 5 < 2));
  const rows = <T extends Float32Array | Uint8Array>(all: T, each: number, indices: Uint32Array): T =>
    Float32Array.from([...indices].flatMap((i) => [...all.subarray(i * each, (i + 1) * each)])) as T;
  const sourceOf = (labels: Float32Array | Uint8Array): DataSource => ({
    name: "tags",
    length: N,
    batch: (indices) => ({
      images: rows(images, SIZE, indices),
      labels:
        labels instanceof Uint8Array ? Uint8Array.from(rows(labels, K, indices)) : rows(labels, K, indices),
    }),
  });
  const source = sourceOf(tags);

  it("trains by binary cross-entropy, tells of each label, and goes out as it came in", async () => {
    const bytes = file(K);
    const { model, weights } = importOnnx(bytes);
    const trainer = await make({ model, metrics: { labels: perLabel() } });
    await loadWeights(trainer, weights);
    const before = await runtime(bytes, N);
    expect(relativeError((await both(trainer, N)).ours, before)).toBeLessThan(ROUNDING);
    expect(relativeError(await trainer.predict(source), before)).toBeLessThan(ROUNDING);

    const { loss, accuracy, confusion, metrics } = await trainer.evaluate(source);
    expect(Math.abs(loss - crossEntropyOf(before, tags))).toBeLessThan(ROUNDING);
    const isRight = before.map((p, i) => Number(p > 0.5) === tags[i]);
    expect(accuracy).toBeCloseTo(isRight.filter(Boolean).length / (N * K), 12);
    expect(confusion).toEqual([]);
    const examples = [0, 1, 2].map((k) => tags.filter((tag, i) => i % K === k && tag === 1).length);
    expect((metrics.labels as { examples: number }[]).map((label) => label.examples)).toEqual(examples);

    const { steps } = await trainer.fit(source, { epochs: 20 });
    expect(steps.at(-1)!.loss).toBeLessThan(loss);
    const after = await both(trainer, N);
    expect(relativeError(after.ours, after.theirs)).toBeLessThan(ROUNDING);
    expect(relativeError(after.theirs, before)).toBeGreaterThan(10 * ROUNDING);

    const { model: again, predictor } = await loadModel(await saveModel(trainer), { gpu: await testGpu() });
    made.push(predictor);
    expect(relativeError(await predictor.predict(images), after.ours)).toBeLessThan(ROUNDING);
    await expect(make({ model: again })).rejects.toThrow(
      "network: takes a loss, that of multiLabel, and no mixup or cutmix",
    );
    expect((await make({ model: multiLabel(again) })).step).toBe(0);
  });

  it("takes a step's loss, accuracy and bias gradient from the f64 formula, of a batch by name too", async () => {
    const { model, weights } = importOnnx(file(K));
    const trainer = await make({ model, batchSize: N });
    await loadWeights(trainer, weights);
    const p = await runtime(file(K), N);
    // Shares of labels, such as those of several annotators.
    const labels = Float32Array.from(tags, (tag, i) => (i === 0 ? 0.25 : tag));
    const { loss, accuracy } = await trainer.trainStep({ images, labels }, { learningRate: 0 });
    expect(Math.abs(loss - crossEntropyOf(p, labels))).toBeLessThan(ROUNDING);
    const right = p.filter((p, i) => p > 0.5 === labels[i]! > 0.5).length;
    expect(accuracy).toBeCloseTo(right / (N * K), 12);
    const gradient = (await trainer.gradients())["g.bias"]!;
    const expected = [0, 1, 2].map(
      (k) => p.reduce((sum, p, i) => sum + (i % K === k ? p - labels[i]! : 0), 0) / (N * K),
    );
    gradient.forEach((g, k) => {
      expect(Math.abs(g - expected[k]!)).toBeLessThan(ROUNDING);
    });
    // Bytes are labels, not shares of 255.
    const bytes = await trainer.trainStep({ images, labels: tags }, { learningRate: 0 });
    expect(Math.abs(bytes.loss - crossEntropyOf(p, tags))).toBeLessThan(ROUNDING);
  });

  it("trains on the features of its frozen part as without them", async () => {
    const { model, weights } = importOnnx(file(K));
    const options = { model, frozen: freeze("c.*"), metrics: { labels: perLabel() } };
    const [plain, cached] = [await make(options), await make(options)];
    for (const trainer of [plain, cached]) await loadWeights(trainer, weights);
    const cache = await FeatureCache.create(cached);
    made.push(cache);
    const features = await cache.features(source);
    const [expected, actual] = [
      await plain.fit(source, { epochs: 2, validation: source }),
      await cache.head.fit(features, { epochs: 2, validation: features }),
    ];
    expected.steps.forEach(({ loss, accuracy }, i) => {
      expect(Math.abs(actual.steps[i]!.loss - loss)).toBeLessThan(ROUNDING);
      expect(actual.steps[i]!.accuracy).toBe(accuracy);
    });
    expect(actual.epochs[1]!.metrics).toEqual(expected.epochs[1]!.metrics);
  });

  it("refuses what does not go with it", async () => {
    const { model } = importOnnx(file(K));
    const refused = (options: Partial<TrainerOptions>) => make({ model, ...options });
    await expect(refused({ augment: { mixup: 0.2 } })).rejects.toThrow(
      "takes a loss, that of multiLabel, and no mixup or cutmix",
    );
    await expect(refused({ labelSmoothing: 0.1 })).rejects.toThrow("are options of crossEntropy");
    const trainer = await make({ model });
    const one = createDataset({
      ...{ name: "one each", shape: [5, 4, 3], classes: ["a", "b", "c"] },
      ...{ images, labels: new Int32Array(N) },
    });
    await expect(trainer.fit(one, { epochs: 1 })).rejects.toThrow(
      "network: expects labels (N, 3) in [0, 1], of a source, one each has one an image",
    );
    expect((await trainer.predict(one)).length).toBe(N * K);
    const wrong = sourceOf(Float32Array.from(tags, (tag) => 2 * tag));
    await expect(trainer.fit(wrong, { epochs: 1 })).rejects.toThrow("must be in [0, 1] — got 2 at value");
    await expect(trainer.trainStep({ images, labels: tags.map((tag) => 255 * tag) })).rejects.toThrow(
      "a batch must have 1…4 examples",
    );
    const four = { images: images.slice(0, 4 * SIZE), labels: tags.slice(0, 4 * K).map((tag) => 255 * tag) };
    await expect(trainer.trainStep(four)).rejects.toThrow("trainStep: labels must be in [0, 1]");
    const plain = pad(four.images, shape(4)) as Float32Array<ArrayBuffer>;
    const batch = { images: plain, labels: new Int32Array(4), size: 4 };
    await expect(trainer.trainStep(batch)).rejects.toThrow("there is no input or target size");
    expect(multiLabel<Model>(model).classifierActivation).toBe("sigmoid");
  });
});

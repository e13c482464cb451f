/** What layers make of images, read from a trainer. */
import { afterEach, describe, expect, it } from "vitest";
import {
  type Activations,
  conv2d,
  createDataset,
  dense,
  globalAvgPool,
  layersOf,
  type Model,
  Random,
  ShapeError,
  sgd,
  stacked,
  Trainer,
  type TrainerOptions,
  take,
} from "webgraft";
import { batchNorm as batchNormReference } from "../support/reference/batch-norm.ts";
import { conv2d as convReference } from "../support/reference/conv.ts";
import type { NdArray } from "../support/reference/ndarray.ts";
import { countBuffers } from "../support/run/buffers.ts";
import { testGpu } from "../support/run/gpu.ts";

const random = new Random(7, "images");
/** Noise in two channels, in batches of 4 and 2. */
const data = createDataset({
  ...{ name: "noise", shape: [8, 8, 2], classes: ["a", "b", "c"] },
  labels: Int32Array.from({ length: 6 }, (_, i) => i % 3),
  images: Float32Array.from({ length: 6 * 128 }, () => 2 * random.uniform() - 1),
});

const plain: Model = {
  ...{ name: "plain", inputShape: [8, 8, 2], classes: 3, options: {} },
  build(images) {
    const options = { kernelSize: 3, padding: 1, activation: "relu" } as const;
    const x = conv2d(images, "conv1", { ...options, outChannels: 5 });
    return dense(globalAvgPool(conv2d(x, "conv2", { ...options, outChannels: 6, stride: 2 })), "fc", {
      outFeatures: 3,
    });
  },
};
const residual = stacked({
  inputShape: [8, 8, 2],
  classes: 3,
  depth: 8,
  widths: [4, 6, 8],
  shortcuts: "all",
});

const made: Trainer[] = [];
async function make(model: Model, options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const optimizer = sgd({ lr: 0.05, momentum: 0.9 });
  const given = { gpu: await testGpu(), model, optimizer, batchSize: 4, seed: 3 } as const;
  const trainer = await Trainer.create({ ...given, tune: "off", ...options });
  made.push(trainer);
  return trainer;
}
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

const reference = ({ shape, values }: Activations): NdArray => ({ shape, data: Float64Array.from(values) });

/** The values of weights and statistics, by name. */
async function weightsOf({ weights, variables }: Trainer): Promise<Record<string, NdArray>> {
  const values = await variables.read(weights.map(({ tensor }) => tensor));
  return Object.fromEntries(
    weights.map(({ name, tensor }, i) => [
      name,
      { shape: tensor.shape, data: Float64Array.from(values[i]!) },
    ]),
  );
}

function expectClose({ shape, values }: Activations, expected: NdArray, tolerance = 1e-5): void {
  expect(shape).toEqual(expected.shape);
  expect(values.length).toBe(expected.data.length);
  const scale = expected.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const difference = expected.data.reduce((most, v, i) => Math.max(most, Math.abs(v - values[i]!)), 0);
  expect(scale).toBeGreaterThan(0);
  expect(difference).toBeLessThan(tolerance * scale);
}

const convolution = { dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
const rectified = ({ shape, data }: NdArray): NdArray => ({ shape, data: data.map((v) => Math.max(v, 0)) });

describe("activations", () => {
  it("of convolutions are those of the reference, after the activation, in every batch", async () => {
    const trainer = await make(plain);
    await trainer.fit(data, { epochs: 2 });
    const { conv1, conv2 } = await trainer.activations(data, ["conv2", "conv1"]);
    const weights = await weightsOf(trainer);
    const images: NdArray = { shape: [6, 8, 8, 2], data: Float64Array.from(data.images) };
    const first = rectified(
      convReference(images, weights["conv1.weight"]!, weights["conv1.bias"], {
        ...convolution,
        stride: [1, 1],
      }),
    );
    const second = rectified(
      convReference(first, weights["conv2.weight"]!, weights["conv2.bias"], {
        ...convolution,
        stride: [2, 2],
      }),
    );
    expectClose(conv1!, first);
    expectClose(conv2!, second);
    expect(conv2!.shape).toEqual([6, 4, 4, 6]);
  });

  it("of a norm with a shortcut come after sum and activation, by running statistics", async () => {
    const trainer = await make(residual);
    await trainer.fit(data, { epochs: 2 });
    const layers = ["bn1", "layer1.0.conv2", "layer1.0.bn2"];
    const { bn1, "layer1.0.conv2": x, "layer1.0.bn2": y } = await trainer.activations(data, layers);
    const weights = await weightsOf(trainer);
    const of = (name: string): NdArray => weights[`layer1.0.bn2.${name}`]!;
    const given = { x: reference(x!), residual: reference(bn1!), weight: of("weight"), bias: of("bias") };
    const statistics = { runningMean: of("running_mean"), runningVar: of("running_var") };
    const attrs = { mode: "eval", eps: 1e-5, momentum: 0.1, activation: { name: "relu" } } as const;
    expectClose(y!, batchNormReference({ ...given, ...statistics }, attrs).y!);
  });

  it.each([plain, residual])("of the last layer of $name are the logits behind predict", async (model) => {
    const trainer = await make(model, { microBatches: 2 });
    await trainer.fit(data, { epochs: 1 });
    const { fc } = await trainer.activations(data, ["fc"]);
    expect(fc!.shape).toEqual([6, 3]);
    const expected = await trainer.predict(data);
    for (let i = 0; i < 6; i++) {
      const powers = [...fc!.values.subarray(3 * i, 3 * i + 3)].map(Math.exp);
      const sum = powers.reduce((a, b) => a + b);
      for (const [k, power] of powers.entries()) expect(power / sum).toBeCloseTo(expected[3 * i + k]!, 5);
    }
  });

  it("have the labels of layersOf and their shapes, also in mixed precision", async () => {
    const gpu = await testGpu();
    const layers = layersOf(residual);
    const labels = layers.map(({ label }) => label);
    const exact = await (await make(residual)).activations(data, labels);
    expect(Object.keys(exact)).toEqual(labels);
    for (const { label, shape } of layers) expect(exact[label]!.shape).toEqual([6, ...shape]);
    if (!gpu.capabilities.features.includes("shader-f16")) return;
    const mixed = await (await make(residual, { precision: "mixed" })).activations(data, labels);
    expect(Object.keys(mixed)).toEqual(labels);
    for (const label of labels) expectClose(mixed[label]!, reference(exact[label]!), 0.01);
    expect(mixed.conv1!.values).not.toEqual(exact.conv1!.values);
  });

  it("change nothing of what a fit computes, and are those between two of its steps", async () => {
    const losses = async (look: boolean): Promise<[Trainer, readonly number[]]> => {
      const trainer = await make(residual);
      const { steps } = await trainer.fit(data, {
        epochs: 3,
        onStep: async ({ step }) => {
          if (look && step % 2 === 0) await trainer.activations(take(data, 1), ["conv1", "layer2.0.bn2"]);
        },
      });
      return [trainer, steps.map(({ loss }) => loss)];
    };
    const [quiet, expected] = await losses(false);
    const [watched, actual] = await losses(true);
    expect(actual).toEqual(expected);
    expect(await weightsOf(watched)).toEqual(await weightsOf(quiet));
    expect(await watched.activations(data, ["fc"])).toEqual(await quiet.activations(data, ["fc"]));
  });

  it("compile once for the last two choices of layers and batch size, and keep no more", async () => {
    const trainer = await make(plain);
    const counted = countBuffers((await testGpu()).device);
    const looks = [
      () => trainer.activations(data, ["conv1"]),
      () => trainer.activations(take(data, 1), ["conv1"]),
      () => trainer.activations(data, ["conv2"]),
    ] as const;
    await looks[0]();
    const one = counted.alive();
    expect(one.length).toBeGreaterThan(0);
    await looks[1]();
    const two = counted.alive();
    expect(two.length).toBeGreaterThan(one.length);
    for (const look of [looks[0], looks[1], looks[0]]) await look();
    expect(counted.alive(), "nothing new").toEqual(two);
    await looks[2](); // The batch of 1, used least recently, goes.
    const first = counted.alive();
    await looks[0]();
    expect(counted.alive(), "still there").toEqual(first);
    expect(first.length).toBeLessThan(two.length + one.length);
    await trainer.destroy();
    expect(counted.alive()).toEqual([]);
    counted.stop();
  });

  it("of unknown layers are refused with those that there are, and of images that do not fit", async () => {
    const trainer = await make(plain);
    const unknown = trainer.activations(data, ["conv1", "conv3"]);
    await expect(unknown).rejects.toThrow(ShapeError);
    await expect(unknown).rejects.toThrow(
      "activations: plain has no layer of this name, but conv1, conv2, conv2.globalAvgPool, fc — conv3",
    );
    const other = createDataset({ ...data, shape: [4, 16, 2] });
    await expect(trainer.activations(other, ["conv1"])).rejects.toThrow("expects images (8, 8, 2)");
    expect((await trainer.activations(data, ["conv1"])).conv1!.shape).toEqual([6, 8, 8, 5]);
  });

  it("stop when they are aborted", async () => {
    const trainer = await make(plain);
    const looking = trainer.activations(data, ["conv1"], { signal: AbortSignal.abort(new Error("enough")) });
    await expect(looking).rejects.toThrow("enough");
    expect((await trainer.activations(data, ["conv1"])).conv1!.shape[0]).toBe(6);
  });
});

it("filters are read as other weights are, in logical order without padding", async () => {
  const trainer = await make(plain);
  const { tensor } = trainer.weights.find(({ name }) => name === "conv1.weight")!;
  const [filters] = await trainer.variables.read([tensor]);
  expect(tensor.shape).toEqual([3, 3, 2, 5]);
  expect(filters!.length).toBe(90);
  expect(filters!.every((value) => value !== 0)).toBe(true);
});

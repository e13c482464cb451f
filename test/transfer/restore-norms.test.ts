/** Norms that an exporter has folded into convolutions, trained. */
import { expect, it } from "vitest";
import {
  batchNorm,
  conv2d,
  createDataset,
  dense,
  globalAvgPool,
  loadPretrained,
  type Model,
  Random,
  restoreNorms,
  sgd,
  type Tensor,
  Trainer,
} from "webgraft";
import { testGpu } from "../support/run/gpu.ts";

const model: Model = {
  ...{ name: "inverted", inputShape: [9, 8, 3], classes: 3, options: {} },
  build(images) {
    const convolution = (x: Tensor, at: string, outChannels: number, groups = 1): Tensor => {
      const y = conv2d(x, `${at}.0`, { outChannels, kernelSize: 3, padding: 1, groups, bias: false });
      return batchNorm(y, `${at}.1`, { activation: "relu6" });
    };
    const x = convolution(convolution(convolution(images, "stem", 6), "depthwise", 6, 6), "frozen", 5);
    return dense(globalAvgPool(x), "fc", { outFeatures: 3 });
  },
};

const random = new Random(7, "folded");
const values = (...shape: readonly number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
});
const folded = new Map([
  ...(
    [
      ["stem", 6, 3],
      ["depthwise", 6, 1],
      ["frozen", 5, 6],
    ] as const
  ).flatMap(([at, K, C]) => [
    [`${at}.0.weight`, values(K, C, 3, 3)] as const,
    [`${at}.0.bias`, values(K)] as const,
  ]),
  ["fc.weight", values(3, 5)] as const,
  ["fc.bias", values(3)] as const,
]);

it("they compute what the file's network computes, with the statistics of a batch too", async () => {
  const data = createDataset({
    ...{ name: "noise", shape: model.inputShape, classes: ["a", "b", "c"] },
    images: values(10, ...model.inputShape).data,
    labels: Int32Array.from({ length: 10 }, (_, i) => i % 3),
  });
  const trainer = await Trainer.create({
    ...{ gpu: await testGpu(), model, batchSize: 10, frozen: (name: string) => name.startsWith("frozen.") },
    // Too small to change a weight.
    optimizer: sgd({ lr: 1e-12, momentum: 0 }),
  });
  const loss = async () => (await trainer.evaluate(data)).loss;
  const trainingLoss = async (epochs: number) => (await trainer.fit(data, { epochs })).steps.at(-1)!.loss;
  const load = async () => (await loadPretrained(trainer, folded)).unfolded;

  const norms = await load();
  expect(norms).toEqual(["stem.1", "depthwise.1", "frozen.1"]);
  const expected = await loss();
  // As it was: a norm without scale and mean leaves little of what was learnt.
  expect(Math.abs((await trainingLoss(1)) / expected - 1)).toBeGreaterThan(0.1);

  await load();
  await restoreNorms(trainer, data, norms);
  expect((await loss()) / expected).toBeCloseTo(1, 5);
  expect((await trainingLoss(2)) / expected).toBeCloseTo(1, 5);
  const [frozen] = await trainer.variables.read(
    trainer.weights.filter(({ name }) => name === "frozen.1.running_mean").map(({ tensor }) => tensor),
  );
  expect([...frozen!]).toEqual([0, 0, 0, 0, 0]);
  await expect(restoreNorms(trainer, data, ["fc"])).rejects.toThrow(
    "restoreNorms: inverted has no batch norm fc",
  );
  await trainer.destroy();
});

/** An example that would be alone in the last batch of an epoch, where a batch norm over one pixel has no variance. */
import { expect, it } from "vitest";
import { batchNorm, type DataSource, dense, flatten, type Model, ShapeError, sgd, Trainer } from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const about = { inputShape: [8, 8, 1], classes: 4, options: {} } as const;
const normed: Model = {
  ...{ name: "normed", ...about },
  build: (images) => batchNorm(dense(flatten(images), "fc", { outFeatures: 4 }), "bn"),
};
const plain: Model = {
  ...{ name: "plain", ...about },
  build: (images) => dense(flatten(images), "fc", { outFeatures: 4 }),
};

/** The sizes of the batches of two epochs. */
async function sizes(model: Model, length: number, microBatches: number, remote: boolean): Promise<number[]> {
  const optimizer = sgd({ lr: 0.05 });
  const options = {
    gpu: await testGpu(),
    model,
    optimizer,
    batchSize: 4,
    microBatches,
    tune: "off",
  } as const;
  const trainer = await Trainer.create(options);
  const data = quarters(length);
  const source: DataSource = { name: "remote", length, batch: async (indices) => data.batch(indices) };
  const { steps } = await trainer.fit(remote ? source : data, { epochs: 2, validation: data });
  expect(trainer.epoch).toBe(2);
  expect(steps.map(({ totalSteps }) => totalSteps)).toEqual(steps.map(() => steps.length));
  const examples = steps.map(({ examples }) => examples);
  expect(examples.reduce((sum, size) => sum + size)).toBe(2 * trainer.examplesPerEpoch(length));
  await trainer.destroy();
  return examples;
}

it.each([
  ["alone in a batch", normed, 9, 1, false, [4, 4]],
  ["alone in a batch of a source", normed, 9, 1, true, [4, 4]],
  ["alone in a micro-batch", normed, 7, 2, false, [4, 2]],
  ["alone in a micro-batch of a source", normed, 7, 2, true, [4, 2]],
  ["not alone", normed, 10, 1, false, [4, 4, 2]],
  ["alone in a network that can train on it", plain, 9, 1, false, [4, 4, 1]],
] as const)("batches with an example %s", async (_, model, length, microBatches, remote, expected) => {
  expect(await sizes(model, length, microBatches, remote)).toEqual([...expected, ...expected]);
});

it("a batch of one is refused where the network cannot train on it", async () => {
  const options = { gpu: await testGpu(), model: normed, optimizer: sgd({ lr: 0.05 }), batchSize: 1 };
  await expect(Trainer.create(options)).rejects.toThrow(ShapeError);
});

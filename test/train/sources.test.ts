/** Training on data that come from elsewhere, a batch at a time. */
import { afterEach, expect, it } from "vitest";
import { DataError, type DataSource, dense, flatten, type Model, sgd, sourceOf, Trainer } from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const model: Model = {
  ...{ name: "tiny", inputShape: [8, 8, 1], classes: 4, options: {} },
  build: (images) => dense(flatten(images), "fc", { outFeatures: 4 }),
};
const made: Trainer[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});
async function make(): Promise<Trainer> {
  const optimizer = sgd({ lr: 0.05, momentum: 0.9 });
  const trainer = await Trainer.create({ gpu: await testGpu(), model, optimizer, batchSize: 4, tune: "off" });
  made.push(trainer);
  return trainer;
}

const data = quarters(18);
const later = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), 2));
const remote: DataSource = { name: "remote", length: 18, batch: (indices) => later(data.batch(indices)) };

it("a source gives the losses, evaluations and predictions of the same data in memory, bit for bit", async () => {
  const [near, far] = [await make(), await make()];
  const losses = async (trainer: Trainer, source: DataSource): Promise<number[]> => {
    const { steps } = await trainer.fit(source, { epochs: 2, validation: source });
    return steps.map(({ loss }) => loss);
  };
  expect(await losses(far, remote)).toEqual(await losses(near, data));
  expect(await far.evaluate(remote)).toEqual(await near.evaluate(data));
  expect(await far.predict(remote)).toEqual(await near.predict(data));
  expect(await far.activations(remote, ["fc"])).toEqual(await near.activations(data, ["fc"]));
  // To predict, no labels are needed.
  const images = {
    ...remote,
    batch: async (indices: Uint32Array) => ({ images: data.batch(indices).images! }),
  };
  expect(await far.predict(images)).toEqual(await near.predict(data));
});

it("an error of a source ends the fit after the steps in flight, and names the example", async () => {
  const trainer = await make();
  const seen: number[] = [];
  const broken = sourceOf({
    ...{ name: "broken", length: 18 },
    example: async (index) => {
      if (index === 7 && seen.length > 1) throw new Error("gone");
      const { images, labels } = data.batch(Uint32Array.of(index));
      return { images: images!, labels: labels! };
    },
  });
  const fit = trainer.fit(broken, { epochs: 9, onStep: ({ step }) => void seen.push(step) });
  await expect(fit).rejects.toThrow(/^broken: batch \d of epoch \d, of examples .*: example 7: gone$/);
  expect(seen.at(-1)).toBe(trainer.step);
  // It goes on where it was, once the source works.
  const { steps } = await trainer.fit(remote, { epochs: trainer.epoch + 1 });
  expect(steps[0]!.step).toBe(seen.length + 1);
});

it("labels of a source are checked, and an abort ends what is being fetched", async () => {
  const trainer = await make();
  const wrong: DataSource = {
    ...remote,
    batch: async (indices) => ({ images: data.batch(indices).images!, labels: Int32Array.from(indices) }),
  };
  await expect(trainer.evaluate(wrong)).rejects.toThrow(DataError);
  await expect(trainer.fit(wrong, { epochs: 1 })).rejects.toThrow(/labels of example \d+ must be 0…3 — got/);
  const stop = new AbortController();
  const stuck: DataSource = { ...remote, batch: () => new Promise(() => {}) };
  const fit = trainer.fit(stuck, { epochs: 1, signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await expect(fit).rejects.toThrow("enough");
  const evaluated = trainer.evaluate(stuck, { signal: AbortSignal.timeout(20) });
  await expect(evaluated).rejects.toThrow();
  await expect(trainer.fit({} as DataSource, { epochs: 1 })).rejects.toThrow("takes a data set of images");
});

import { describe, expect, it } from "vitest";
import {
  adam,
  freeze,
  interleaved,
  NonFiniteError,
  saveModel,
  saveWeights,
  sgd,
  Trainer,
  type TrainerOptions,
} from "webgraft";
import { bytesWithin, storedLength } from "../../src/graph/tensor.ts";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const data = quarters(64);
const epochs = 1;

const create = async (options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  Trainer.create({
    gpu: await testGpu(),
    model: interleaved({ inputShape: [8, 8, 1], classes: 4, widths: [4, 4, 4, 4] }),
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    batchSize: 16,
    seed: 3,
    ...options,
  });

/** Overwrites a weight behind the trainer's back, which would refuse it in the middle of a run. */
const poison = (trainer: Trainer, name: string, value = Number.NaN): void => {
  const { tensor } = trainer.weights.find((weight) => weight.name === name)!;
  const buffer = trainer.variables.buffer(tensor.storage);
  const values = new Float32Array(storedLength(tensor.shape, "f32")).fill(value);
  trainer.options.gpu.device.queue.writeBuffer(buffer, bytesWithin(tensor).offset, values);
};

/** Trains, and returns the steps that were reported before the error, and the error. */
async function failure(trainer: Trainer): Promise<{ steps: number[]; error: Error }> {
  const steps: number[] = [];
  const error = await trainer
    .fit(data, { epochs, onStep: ({ step }) => void steps.push(step) })
    .then(() => new Error("it went on"))
    .catch((error) => error);
  expect(error).toBeInstanceOf(NonFiniteError);
  return { steps, error };
}

describe("a run that is no longer finite", () => {
  it.each([
    ["in one step", {}],
    ["in micro-batches", { microBatches: 2 }],
    ["with frozen parameters", { frozen: freeze("block1.*") }],
  ])("ends with the step whose update overflows, though its loss is finite: %s", async (_, options) => {
    // The rate itself overflows, so that the step does, however small its gradients.
    const groups = [{ match: "*", lrScale: 100 }];
    const trainer = await create({ optimizer: sgd({ lr: 3e38, groups }), ...options });
    const { steps, error } = await failure(trainer);
    expect(steps).toEqual([]);
    expect(error.message).toMatch(/^step 1: weights are not finite — learning rate 3\.00e\+38; go back to/);
    await trainer.destroy();
  });

  it("ends with a step whose loss is NaN because a weight before the ReLU is", async () => {
    const trainer = await create({ optimizer: adam({ lr: 0.01 }) });
    poison(trainer, "block1.conv1.weight");
    const { steps, error } = await failure(trainer);
    expect(steps).toEqual([]);
    expect(error.message).toMatch(
      /^step 1: the loss is NaN, gradients are not finite, weights are not finite —/,
    );
    await trainer.destroy();
  });

  it("ends with an evaluation whose loss is NaN, of which later epochs and files could not be told", async () => {
    const trainer = await create();
    const running = trainer.weights.find(({ name }) => name === "block1.bn1.running_var")!;
    const epochsSeen: number[] = [];
    const fit = trainer.fit(data, {
      epochs: 2,
      validation: quarters(16, 2),
      onStep: ({ step }) => {
        if (step === 8) poison(trainer, running.name);
      },
      onEpoch: ({ epoch }) => void epochsSeen.push(epoch),
    });
    await expect(fit).rejects.toThrow(NonFiniteError);
    await expect(fit).rejects.toThrow(/^epoch 2: the validation loss is NaN — go back to/);
    expect(epochsSeen).toEqual([1]);
    await trainer.destroy();
  });

  it("leaves its weights as they were if it clips", async () => {
    const trainer = await create({ optimizer: sgd({ lr: 0.1, clipNorm: 1 }) });
    const { tensor } = trainer.weights.find(({ name }) => name === "fc.weight")!;
    const before = await trainer.variables.read([tensor]);
    poison(trainer, "block1.conv1.weight", 3e38);
    const { error } = await failure(trainer);
    expect(error.message).toContain("gradients are not finite");
    expect(error.message).not.toContain("weights are not finite");
    expect(await trainer.variables.read([tensor])).toEqual(before);
    await trainer.destroy();
  });

  it("saves nothing, and goes on from a good checkpoint as if nothing had been", async () => {
    const [trainer, other] = [await create(), await create()];
    await trainer.fit(data, { epochs });
    const good = await trainer.checkpoint();
    poison(trainer, "block1.conv1.weight");
    const refused =
      /1 of \d+ tensors are not finite, so nothing was saved — block1\.conv1\.weight \(NaN at 0\);/;
    await expect(trainer.checkpoint()).rejects.toThrow(NonFiniteError);
    await expect(trainer.checkpoint()).rejects.toThrow(refused);
    await expect(saveWeights(trainer)).rejects.toThrow(refused);
    await expect(saveModel(trainer)).rejects.toThrow(refused);
    await expect(trainer.fit(data, { epochs: 2 })).rejects.toThrow(NonFiniteError);

    for (const each of [trainer, other]) each.restore(good);
    const [again, expected] = [await trainer.fit(data, { epochs: 2 }), await other.fit(data, { epochs: 2 })];
    expect(again.steps.length).toBe(4);
    expect(again).toMatchObject({ steps: expected.steps.map(({ loss }) => ({ loss })) });
    expect(await trainer.checkpoint()).toEqual(await other.checkpoint());
    for (const each of [trainer, other]) await each.destroy();
  });
});

import { describe, expect, it } from "vitest";
import {
  adamw,
  conv2d,
  DataError,
  dense,
  dropout,
  flatten,
  freeze,
  interleaved,
  type Model,
  maxPool2d,
  Trainer,
  type TrainerOptions,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const size = { inputShape: [8, 8, 1], classes: 4 } as const;

/** Without batch norm, so that a micro-batch sees what the batch sees. */
const model: Model = {
  ...{ name: "plain", ...size, options: {} },
  build(images) {
    const conv = { outChannels: 6, kernelSize: 3, padding: 1, activation: "relu" } as const;
    const x = maxPool2d(conv2d(dropout(conv2d(images, "a", conv), "drop", 0.2), "b", conv), {
      kernelSize: 2,
    });
    return dense(dropout(flatten(x), "drop2", 0.3), "fc", { outFeatures: 4 });
  },
};

async function create(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  return Trainer.create({
    ...{ gpu: await testGpu(), model, optimizer: adamw({ lr: 0.01, clipNorm: 1 }), batchSize: 12, seed: 5 },
    augment: { crop: 1, flip: 0.5, brightness: 0.2 },
    classWeights: [1, 2, 0.5, 1],
    ...options,
  });
}

/** Two epochs of a batch of 12 and one of 8: in parts of 4, or of 6 and 6, then 6 and 2. */
async function run(options: Partial<TrainerOptions>) {
  const trainer = await create(options);
  const { steps } = await trainer.fit(quarters(20), { epochs: 2 });
  const names = trainer.saved.map(({ name }) => name);
  const values = await trainer.variables.read(trainer.saved.map(({ tensor }) => tensor));
  const { peakBytes } = trainer.plan.report;
  await trainer.destroy();
  const losses = steps.map(({ loss }) => loss);
  return { names, values, peakBytes, losses, right: steps.map(({ accuracy }) => accuracy) };
}

describe("microBatches", () => {
  it.each([
    [2, {}],
    [3, { frozen: freeze("a.*") }],
    [3, { memory: "recompute" as const }],
  ])("%i give the results of the whole batch up to rounding: %o", async (microBatches, options) => {
    const whole = await run(options);
    const parts = await run({ ...options, microBatches });
    expect(parts.right).toEqual(whole.right);
    parts.losses.forEach((loss, i) => {
      expect(Math.abs(loss - whole.losses[i]!)).toBeLessThan(1e-5);
    });
    for (const [at, name] of whole.names.entries()) {
      const expected = whole.values[at]!;
      const scale = Math.max(...expected.map(Math.abs));
      for (const [i, value] of parts.values[at]!.entries()) {
        expect(Math.abs(value - expected[i]!), `${name} [${i}]`).toBeLessThanOrEqual(1e-4 * scale);
      }
    }
    expect(parts.peakBytes).toBeLessThan((1.2 * whole.peakBytes) / microBatches);
  });

  it("repeats a run and goes on from a checkpoint bit for bit", async () => {
    const options = { microBatches: 2, model: interleaved({ ...size, widths: [4, 8, 8, 12] }) };
    const data = quarters(32);
    const runs = [await create(options), await create(options)] as const;
    const all: number[][] = [];
    for (const trainer of runs) {
      const { steps } = await trainer.fit(data, { epochs: 2 });
      all.push(steps.map(({ loss }) => loss));
    }
    expect(all[1]).toEqual(all[0]);
    const expected = await runs[0].checkpoint();
    expect(await runs[1].checkpoint()).toEqual(expected);

    const first = await create(options);
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => step === 2 && stop.abort(new Error("enough"));
    const fit = first.fit(data, { epochs: 2, signal: stop.signal, onStep: (info) => void onStep(info) });
    await expect(fit).rejects.toThrow("enough");
    const second = await create(options);
    second.restore(await first.checkpoint());
    await second.fit(data, { epochs: 2 });
    expect(await second.checkpoint()).toEqual(expected);
    for (const trainer of [...runs, first, second]) await trainer.destroy();
  });

  it("refuses a batch that is no whole number of them", async () => {
    const message = "microBatches must be a positive whole number that divides batchSize";
    await expect(create({ microBatches: 5 })).rejects.toThrow(DataError);
    await expect(create({ microBatches: 5 })).rejects.toThrow(`${message} — got`);
    await expect(create({ microBatches: 0 })).rejects.toThrow(message);
  });
});

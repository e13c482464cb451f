/** Kernels measured between the steps of a `fit`, on a device that says it is a real GPU. */
import { afterEach, describe, expect, it } from "vitest";
import {
  dense,
  flatten,
  type Gpu,
  type Model,
  openDevice,
  sgd,
  Trainer,
  type TrainerOptions,
  type TuningTable,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { memoryStore } from "../support/models/tuning.ts";
import { realGpu } from "../support/run/gpu.ts";

const data = quarters(16);
const model: Model = {
  ...{ name: "small", inputShape: [8, 8, 1], classes: 4, options: {} },
  build: (images) => {
    const hidden = dense(flatten(images), "hidden", { outFeatures: 24, activation: "relu" });
    return dense(hidden, "fc", { outFeatures: 4 });
  },
};
const LARGEST = /^dense (forward|grad_weight) N=4 C=64 K=24$/;

const opened: Gpu[] = [];
afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.destroy();
});

async function device(open: () => Promise<Gpu> = () => realGpu("for idle tuning")): Promise<Gpu> {
  const gpu = await open();
  opened.push(gpu);
  return gpu;
}

const create = (gpu: Gpu, options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  Trainer.create({ gpu, model, optimizer: sgd({ lr: 0.05 }), batchSize: 4, ...options });

const kernelsOf = ({ plan }: Trainer): string[] => plan.dispatches.map(({ kernel }) => kernel.name);

/** Trains until `enough` says of a table written that it is, and returns the losses. */
async function fitUntil(
  trainer: Trainer,
  written: { at?: (table: TuningTable) => void },
  enough: (table: TuningTable) => boolean,
): Promise<number[]> {
  const controller = new AbortController();
  const losses: number[] = [];
  written.at = (table) => enough(table) && controller.abort();
  const fit = trainer.fit(data, {
    epochs: 1e6,
    signal: controller.signal,
    onStep: ({ loss }) => void losses.push(loss),
  });
  await expect(fit).rejects.toThrow("abort");
  return losses;
}

describe("between the steps of a fit", () => {
  it("the largest tasks are measured for later trainers; this one goes on as it was", async () => {
    const gpu = await device();
    const written: { at?: (table: TuningTable) => void } = {};
    const store = memoryStore((table) => written.at?.(table));
    const trainer = await create(gpu, { tuning: { store } });
    const planned = kernelsOf(trainer);
    const losses = await fitUntil(trainer, written, ({ tuned }) => Object.keys(tuned).length > 0);
    const { tuned, failed } = gpu.tuning.export();
    expect(failed).toEqual({});
    const [task, { variant }] = Object.entries(tuned)[0]!;
    expect(task).toMatch(LARGEST);
    await trainer.destroy();

    // A trainer made later takes what was measured, or what the first one took.
    const forced = variant === "4x4_none_flat" ? "8x8_none_flat" : "4x4_none_flat";
    gpu.tuning.import({
      ...gpu.tuning.export(),
      tuned: { [task]: { variant: forced, milliseconds: 1, gain: 1 } },
    });
    const later = await create(gpu, { tune: "off" });
    expect(kernelsOf(later).join()).toContain(forced);
    const same = await create(gpu, { tune: "off", kernels: trainer.kernels });
    expect(kernelsOf(same)).toEqual(planned);
    const repeated: number[] = [];
    await same.fit(data, {
      epochs: 1e6,
      maxSteps: Math.min(losses.length, 100),
      onStep: ({ loss }) => void repeated.push(loss),
    });
    expect(repeated).toEqual(losses.slice(0, 100));
  });

  it("a fit that goes on, ends or is destroyed leaves no variant barred, and no step undone", async () => {
    const gpu = await device();
    let tried = 0;
    const written: { at?: (table: TuningTable) => void } = {};
    const store = memoryStore((table) => written.at?.(table));
    const trainer = await create(gpu, { tuning: { store } });
    written.at = ({ trying }) => {
      if (trying) tried++;
    };
    await trainer.fit(data, { epochs: 10, maxSteps: 6 });
    await trainer.fit(data, { epochs: 5 });
    expect(trainer.step).toBe(20);
    expect(tried).toBeGreaterThan(0);
    expect(gpu.tuning.export()).toMatchObject({ failed: {} });
    expect(gpu.tuning.export().trying).toBeUndefined();
    // Nothing is measured while no fit runs: weights may be written.
    const { tensor } = trainer.weights[0]!;
    const [values] = await trainer.variables.read([tensor]);
    trainer.variables.write(tensor, values!);
    const fit = trainer.fit(data, { epochs: 1e6 });
    const destroyed = new Promise<void>((resolve) => {
      written.at = ({ trying }) => trying && resolve();
    });
    await destroyed;
    await Promise.all([trainer.destroy(), expect(fit).rejects.toThrow("destroyed")]);
    expect(gpu.tuning.export()).toMatchObject({ failed: {} });
    expect(gpu.tuning.export().trying).toBeUndefined();
  });

  it("a variant that takes the device down ends the fit by name, and is not tried again", async () => {
    const gpu = await device();
    const deadly: string[] = [];
    const store = memoryStore(({ trying }) => {
      if (!trying || deadly.push(trying.variant) < 2) return;
      gpu.device.destroy();
    });
    const trainer = await create(gpu, { tuning: { store } });
    await expect(trainer.fit(data, { epochs: 1e6 })).rejects.toThrow("the GPU device was lost");
    await trainer.destroy();
    expect(Object.values(gpu.tuning.export().failed)).toEqual([[deadly[1]]]);
  });

  it("nothing is measured on an emulated GPU, or unless asked to", async () => {
    const store = memoryStore(() => {
      throw new Error("something was measured");
    });
    for (const [open, tune] of [
      [openDevice, "idle"],
      [() => realGpu("for idle tuning"), "off"],
    ] as const) {
      const trainer = await create(await device(open), { tune, tuning: { store } });
      await trainer.fit(data, { epochs: 10 });
      await trainer.destroy();
    }
  });
});

/** Calls that meet, come too late, or fail half-way. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BusyError,
  DataError,
  type Dataset,
  DestroyedError,
  dense,
  FeatureCache,
  flatten,
  type Gpu,
  loadWeights,
  type Model,
  OutOfMemoryError,
  openDevice,
  Predictor,
  Preprocessor,
  saveWeights,
  sgd,
  Trainer,
  type TrainerOptions,
  take,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { countBuffers } from "../support/run/buffers.ts";
import { testGpu } from "../support/run/gpu.ts";

const model: Model = {
  name: "tiny",
  inputShape: [8, 8, 1],
  classes: 4,
  options: {},
  build: (images) => {
    const hidden = dense(flatten(images), "hidden", { outFeatures: 8, activation: "relu" });
    return dense(hidden, "fc", { outFeatures: 4 });
  },
};

async function trainer(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  return Trainer.create({
    gpu: await testGpu(),
    model,
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    batchSize: 4,
    seed: 3,
    tune: "off",
    ...options,
  });
}

/** What a test makes, destroyed after it. */
const made: { destroy(): unknown }[] = [];
const make = async (options: Partial<TrainerOptions> = {}): Promise<Trainer> => {
  const subject = await trainer(options);
  made.push(subject);
  return subject;
};
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

const steps = async (subject: Trainer, data: Dataset, epochs: number): Promise<number> =>
  (await subject.fit(data, { epochs })).steps.length;

describe("epochs are counted over the life of a trainer", () => {
  it("on data sets of different lengths", async () => {
    const subject = await make();
    expect(await steps(subject, quarters(16), 3)).toBe(12);
    expect(await steps(subject, quarters(40), 4)).toBe(10);
    expect(await steps(subject, quarters(16), 4)).toBe(0);
    expect(await steps(subject, quarters(8), 6)).toBe(4);
    expect([subject.step, subject.epoch]).toEqual([26, 6]);
  });

  it("with an evaluation after each", async () => {
    const subject = await make();
    const validation = quarters(8, 2);
    await subject.fit(quarters(16), { epochs: 3, validation });
    const { epochs, steps } = await subject.fit(quarters(40), { epochs: 5, validation });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([4, 5]);
    expect(steps.length).toBe(20);
  });

  it("and an interrupted one goes on after restore with another batch size", async () => {
    const data = quarters(20);
    const subject = await make();
    const stop = new AbortController();
    const fit = subject.fit(data, {
      epochs: 2,
      signal: stop.signal,
      onStep: ({ step }) => {
        if (step === 2) stop.abort(new Error("enough"));
      },
    });
    await expect(fit).rejects.toThrow("enough");
    const seen = 4 * subject.step;
    const file = await subject.checkpoint();
    const other = await make({ batchSize: 6 });
    other.restore(file);
    const { steps } = await other.fit(data, { epochs: 2 });
    const sizes = steps.map(({ examples }) => examples);
    expect(sizes.reduce((a, b) => a + b)).toBe(20 - seen + 20);
    expect(sizes.slice(-4)).toEqual([6, 6, 6, 2]);
    expect(other.epoch).toBe(2);
    expect(steps.every(({ totalSteps }) => totalSteps === steps.at(-1)!.step)).toBe(true);
  });

  it("and an interrupted one begins anew on data of another length", async () => {
    const subject = await make();
    const stop = new AbortController();
    const onStep = (): void => stop.abort(new Error("enough"));
    await expect(subject.fit(quarters(20), { epochs: 1, signal: stop.signal, onStep })).rejects.toThrow();
    expect(await steps(subject, quarters(12), 1)).toBe(3);
  });

  it("and must be a whole number; early stopping needs a validation set", async () => {
    const subject = await make();
    for (const epochs of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) {
      await expect(subject.fit(quarters(8), { epochs })).rejects.toThrow(DataError);
    }
    const early = subject.fit(quarters(8), { epochs: 1, earlyStopping: { patience: 1 } });
    await expect(early).rejects.toThrow("give a validation data set");
  });
});

describe("labels out of range", () => {
  it.each([-1, 4, -100])("are refused: %d", async (label) => {
    const subject = await make();
    const data = quarters(8);
    const labels = data.labels.slice();
    labels[5] = label;
    const bad = { ...data, labels };
    await expect(subject.evaluate(bad)).rejects.toThrow(`labels must be 0…3 — got ${label} for example 5`);
    await expect(subject.fit(bad, { epochs: 1 })).rejects.toThrow(DataError);
  });
});

describe("several calls at once", () => {
  it("evaluations, predictions and checkpoints take turns, and agree with each alone", async () => {
    const subject = await make();
    const data = quarters(24);
    const alone = [await subject.evaluate(data), await subject.predict(data), await subject.checkpoint()];
    const together = await Promise.all([
      subject.evaluate(data),
      subject.predict(data),
      subject.checkpoint(),
      subject.evaluate(data),
      subject.evaluate(data),
    ]);
    expect(together.slice(0, 3)).toEqual(alone);
    expect(together.slice(3)).toEqual([alone[0], alone[0]]);
  });

  it("keep what they compiled: one image beside full batches, in turn", async () => {
    const subject = await make();
    const data = quarters(10);
    const looks = [
      () => subject.evaluate(data),
      () => subject.predict(take(data, 1)),
      () => subject.activations(take(data, 1), ["hidden"]),
    ];
    for (const look of looks) await look();
    const counted = countBuffers((await testGpu()).device);
    for (const look of [...looks, ...looks]) await look();
    expect(counted.alive()).toEqual([]);
    counted.stop();
  });

  it("do not change what a fit computes, and see weights between two of its steps", async () => {
    const data = quarters(40);
    for (const microBatches of [1, 2]) {
      const quiet = await make({ microBatches });
      const expected = (await quiet.fit(data, { epochs: 2 })).steps.map(({ loss }) => loss);

      const subject = await make({ microBatches });
      const files: Promise<Uint8Array<ArrayBuffer>>[] = [];
      const others: Promise<unknown>[] = [];
      const history = await subject.fit(data, {
        epochs: 2,
        onStep: async ({ step }) => {
          files.push(subject.checkpoint());
          others.push(subject.evaluate(data), subject.predict(data), subject.activations(data, ["hidden"]));
          if (step % 3 === 0) await subject.evaluate(data);
        },
      });
      expect(history.steps.map(({ loss }) => loss)).toEqual(expected);
      await Promise.all(others);
      // Each checkpoint continues like the run it was taken from.
      for (const file of [files[2]!, files[7]!]) {
        const copy = await make({ microBatches });
        copy.restore(await file);
        const { steps } = await copy.fit(data, { epochs: 2 });
        expect(steps.map(({ loss }) => loss)).toEqual(expected.slice(20 - steps.length));
        expect(steps.length).toBeGreaterThan(10);
      }
    }
  });

  it("a second fit, and changes from outside during one, are refused with who is busy", async () => {
    const subject = await make();
    const data = quarters(24);
    const file = await subject.checkpoint();
    const weights = await saveWeights(subject);
    const refused: unknown[] = [];
    await subject.fit(data, {
      epochs: 1,
      onStep: async ({ step }) => {
        if (step !== 2) return;
        refused.push(await subject.fit(data, { epochs: 9 }).catch((error) => error));
        refused.push(await loadWeights(subject, weights).catch((error) => error));
        try {
          subject.restore(file);
        } catch (error) {
          refused.push(error);
        }
      },
    });
    expect(refused.map((error) => error instanceof BusyError)).toEqual([true, true, true]);
    for (const error of refused) expect((error as Error).message).toContain("fit is running");
    const evaluation = subject.evaluate(data);
    expect(() => subject.restore(file)).toThrow("restore: evaluate is running");
    await evaluation;
    subject.restore(file);
    expect(subject.step).toBe(0);
    expect(await steps(subject, data, 1)).toBe(6);
  });

  it("a fit that failed or was aborted does not stay busy", async () => {
    const subject = await make();
    const failing = subject.fit(quarters(8), {
      epochs: 1,
      onStep: () => {
        throw new Error("mine");
      },
    });
    await expect(failing).rejects.toThrow("mine");
    expect(await steps(subject, quarters(8), 2)).toBeGreaterThan(0);
  });

  it("predictions of a predictor take turns", async () => {
    const gpu = await testGpu();
    const predictor = await Predictor.create({ gpu, model, batchSize: 2 });
    made.push(predictor);
    const source = await make();
    await loadWeights(predictor, await saveWeights(source));
    const images = Float32Array.from(quarters(9).images);
    const alone = await predictor.predict(images);
    const together = await Promise.all([1, 2, 3].map(() => predictor.predict(images)));
    for (const each of together) expect(each).toEqual(alone);
  });
});

describe("destroy", () => {
  const data = quarters(24);

  it.each(["fit", "evaluate", "predict", "activations", "checkpoint", "fit waiting in onStep"])(
    "rejects what is running: %s",
    async (what) => {
      const subject = await trainer();
      const destroy = (): void => void subject.destroy();
      const running =
        what === "fit"
          ? subject.fit(data, { epochs: 9, onStep: ({ step }) => (step === 3 ? destroy() : undefined) })
          : what === "fit waiting in onStep"
            ? subject.fit(data, { epochs: 9, onStep: () => new Promise<void>(() => setTimeout(destroy, 5)) })
            : what === "evaluate"
              ? subject.evaluate(data, { onProgress: destroy })
              : what === "predict"
                ? subject.predict(data)
                : what === "activations"
                  ? subject.activations(data, ["hidden"])
                  : subject.checkpoint();
      if (["predict", "activations", "checkpoint"].includes(what)) destroy();
      await expect(running).rejects.toThrow(DestroyedError);
      await expect(running).rejects.toThrow("Trainer: was destroyed");
    },
  );

  it("leaves other trainers on the device alone, whatever is called on it afterwards", async () => {
    const other = await make();
    const subject = await trainer();
    await subject.fit(data, { epochs: 1 });
    await subject.destroy();
    await expect(subject.fit(data, { epochs: 2 })).rejects.toThrow(DestroyedError);
    await expect(subject.checkpoint()).rejects.toThrow(DestroyedError);
    expect((await other.fit(data, { epochs: 1 })).steps.length).toBe(6);
  });

  it("frees all memory of trainers and caches, also in the middle of work", async () => {
    const gpu = await testGpu();
    const counted = countBuffers(gpu.device);
    const subject = await trainer({ frozen: (name) => name.startsWith("hidden.") });
    const cache = await FeatureCache.create(subject);
    const running = [
      cache.head.fit(await cache.features(data), { epochs: 3 }),
      subject.evaluate(data),
      subject.fit(data, { epochs: 1 }),
    ];
    const settled = Promise.allSettled(running);
    expect(counted.alive().length).toBeGreaterThan(20);
    await cache.destroy();
    await subject.destroy();
    for (const { status } of await settled) expect(status).toBe("rejected");
    expect(counted.alive()).toEqual([]);
    counted.stop();
  });
});

describe("what fails while being made", () => {
  let gpu: Gpu;
  /** Fails the next allocations, like a GPU whose memory is full. */
  let full: (failures: number) => void;
  let counted: ReturnType<typeof countBuffers>;
  beforeEach(async () => {
    gpu = await openDevice();
    counted = countBuffers(gpu.device);
    const { device } = gpu;
    const push = device.pushErrorScope.bind(device);
    const pop = device.popErrorScope.bind(device);
    const scopes: GPUErrorFilter[] = [];
    let left = 0;
    device.pushErrorScope = (filter) => {
      scopes.push(filter);
      push(filter);
    };
    device.popErrorScope = async () => {
      const isMemory = scopes.pop() === "out-of-memory";
      await pop();
      return isMemory && left > 0 && left-- > 0 ? new GPUOutOfMemoryError("no room") : null;
    };
    full = (failures) => {
      left = failures;
    };
  });
  afterEach(() => gpu.destroy());

  it("leaves no buffers behind: trainers, with micro-batches too, predictors and caches", async () => {
    await gpu.pipelines.compileAll([]);
    const makers = [
      () => trainer({ gpu }),
      () => trainer({ gpu, microBatches: 2 }),
      () => Predictor.create({ gpu, model }),
    ];
    for (const maker of makers) {
      await (await maker()).destroy(); // Compiles, so that the scopes counted below are those of sessions.
      expect(counted.alive()).toEqual([]);
      full(1);
      await expect(maker()).rejects.toThrow(OutOfMemoryError);
      expect(counted.alive()).toEqual([]);
      full(0);
    }
    const subject = await trainer({ gpu, frozen: (name) => name.startsWith("hidden.") });
    const before = counted.alive();
    full(1);
    await expect(FeatureCache.create(subject)).rejects.toThrow(OutOfMemoryError);
    expect(counted.alive()).toEqual(before);
  });

  it("may work later: an evaluation that once had no room", async () => {
    const subject = await trainer({ gpu });
    const data = quarters(8);
    full(1);
    await expect(subject.evaluate(data)).rejects.toThrow(OutOfMemoryError);
    full(0);
    expect((await subject.evaluate(data)).examples).toBe(8);
  });

  it("may work later: a predictor whose preprocessor once had no room", async () => {
    const preprocessing = { resize: 8, mode: "torch", mean: [0.5], std: [0.5] } as const;
    const predictor = await Predictor.create({ gpu, model: { ...model, preprocessing } });
    (await Preprocessor.create(gpu, predictor.model)).destroy(); // Compiles.
    const image = { data: new Uint8Array(64), width: 8, height: 8 };
    full(1);
    await expect(predictor.classify([image])).rejects.toThrow(OutOfMemoryError);
    full(0);
    expect((await predictor.classify([image])).length).toBe(4);
  });
});

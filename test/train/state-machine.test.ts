/**
 * Random sequences of calls on one trainer, some awaited and some not, against a model of what may happen: every call
 * settles, with what the rules of `Trainer` allow; every loss and weight is that of an undisturbed run; no buffer stays.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  BusyError,
  DestroyedError,
  DeviceLostError,
  decodeSafetensors,
  dense,
  dropout,
  flatten,
  type Gpu,
  type Model,
  openDevice,
  sgd,
  Trainer,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { countBuffers } from "../support/run/buffers.ts";
import { testGpu } from "../support/run/gpu.ts";

/** What takes longer hangs. */
const HANGS_MS = 10_000;
const EPOCHS = 4;
const STEPS = 3 * EPOCHS;
const data = quarters(12);
const model: Model = {
  name: "tiny",
  inputShape: [8, 8, 1],
  classes: 4,
  options: {},
  build: (images) => {
    const hidden = dense(flatten(images), "hidden", { outFeatures: 8, activation: "relu" });
    return dense(dropout(hidden, "drop", 0.3), "fc", { outFeatures: 4 });
  },
};

const create = (gpu: Gpu): Promise<Trainer> =>
  Trainer.create({ gpu, model, optimizer: sgd({ lr: 0.05, momentum: 0.9 }), batchSize: 4, tune: "off" });

/** The weights of a checkpoint, as text. */
const weightsOf = (file: Uint8Array): string =>
  [...decodeSafetensors(file, "checkpoint").tensors]
    .map(([name, { bytes }]) => `${name} ${bytes.join()}`)
    .join("\n");

/** Run step by step: entry k is what is there after k steps. */
const expected = { losses: [Number.NaN], evaluations: [] as number[], weights: [] as string[] };

beforeAll(async () => {
  const subject = await create(await testGpu());
  for (let step = 0; step <= STEPS; step++) {
    if (step > 0) {
      const stop = new AbortController();
      const onStep = ({ loss }: { readonly loss: number }): void => void expected.losses.push(loss);
      const fit = subject.fit(data, { epochs: EPOCHS, signal: stop.signal, onStep });
      stop.abort(); // One step is under way already.
      await fit.catch(() => {});
      if (step % 3 === 0) await subject.fit(data, { epochs: step / 3 }); // Counts the epoch.
    }
    expected.evaluations.push((await subject.evaluate(data)).loss);
    expected.weights.push(weightsOf(await subject.checkpoint()));
  }
  await subject.destroy();
});

const kinds = [
  "fit",
  "evaluate",
  "predict",
  "activations",
  "checkpoint",
  "restore",
  "abort",
  "destroy",
  "lose",
  "wait",
] as const;
type Kind = (typeof kinds)[number];

/** One trainer with what has been called on it. */
class World {
  readonly gpu: Gpu;
  readonly trainer: Trainer;
  readonly problems: string[] = [];
  readonly calls: Promise<void>[] = [];
  readonly files: Uint8Array<ArrayBuffer>[] = [];
  #stop = new AbortController();
  #running = 0;
  #fitting = false;
  #aborted = false;
  #destroyed = false;
  #lost = false;

  constructor(gpu: Gpu, trainer: Trainer) {
    this.gpu = gpu;
    this.trainer = trainer;
  }

  async do(kind: Kind): Promise<void> {
    const { trainer } = this;
    switch (kind) {
      case "fit": {
        if (!this.#fitting) {
          this.#stop = new AbortController();
          this.#aborted = false;
        }
        const busy = this.#fitting;
        this.#fitting = true;
        const fit = trainer.fit(data, {
          epochs: EPOCHS,
          signal: this.#stop.signal,
          onStep: ({ step, loss }) => {
            if (loss !== expected.losses[step]) this.problems.push(`step ${step}: loss ${loss}`);
          },
        });
        const done = fit.then(({ steps }) => {
          // One that thinks the first still runs may come just after its end, when nothing is left to do.
          if (busy && steps.length > 0) this.problems.push("two fits ran at once");
        });
        this.#call("fit", done, busy);
        if (!busy) {
          const ended = (): void => {
            this.#fitting = false;
          };
          fit.then(ended, ended);
        }
        return;
      }
      case "evaluate":
        return this.#call(
          kind,
          trainer.evaluate(data).then(({ loss }) => {
            const known = expected.evaluations.some((value) => value === loss);
            if (!known && !expected.evaluations.includes(Number.NaN))
              this.problems.push(`evaluation ${loss}`);
          }),
        );
      case "predict":
        return this.#call(
          kind,
          trainer.predict(data).then((values) => {
            if (!values.every((value) => value > 0 && value < 1)) this.problems.push("a probability is none");
          }),
        );
      case "activations":
        return this.#call(
          kind,
          trainer.activations(data, ["hidden"]).then(({ hidden }) => {
            if (!hidden!.values.every((value) => value >= 0)) this.problems.push("an activation is none");
          }),
        );
      case "checkpoint":
        return this.#call(
          kind,
          trainer.checkpoint().then((file) => {
            const step = Number(decodeSafetensors(file, kind).metadata.step);
            if (weightsOf(file) !== expected.weights[step]) {
              this.problems.push(`the checkpoint of step ${step} has other weights`);
            }
            this.files.push(file);
          }),
        );
      case "restore": {
        const file = this.files[0];
        if (!file) return;
        await new Promise((resolve) => setTimeout(resolve)); // What has ended is known to have.
        try {
          trainer.restore(file);
          if (this.#destroyed || this.#running > 0) this.problems.push("restored while busy or destroyed");
        } catch (error) {
          this.#judge(kind, error, this.#running > 0);
        }
        return;
      }
      case "abort":
        this.#aborted = true;
        return this.#stop.abort(new Error("aborted"));
      case "destroy":
        this.#destroyed = true;
        return this.#call(kind, trainer.destroy());
      case "lose":
        this.#lost = true;
        return this.gpu.device.destroy();
      case "wait":
        await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  /** Waits for all calls, and lists those that do not settle. */
  async settle(): Promise<void> {
    const all = Promise.all(this.calls).then(() => true);
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, HANGS_MS, false));
    if (!(await Promise.race([all, late]))) this.problems.push(`${this.#running} calls hang`);
  }

  #call(kind: Kind, result: Promise<unknown>, busy = false): void {
    if (!busy) this.#running++;
    const settled = (): void => {
      if (!busy) this.#running--;
    };
    this.calls.push(
      result.then(settled, (error) => {
        settled();
        this.#judge(kind, error, busy);
      }),
    );
  }

  #judge(kind: Kind, error: unknown, busy: boolean): void {
    const allowed =
      (busy && error instanceof BusyError) ||
      (this.#destroyed && error instanceof DestroyedError) ||
      (this.#lost && error instanceof DeviceLostError) ||
      (kind === "fit" && this.#aborted && (error as Error).message === "aborted");
    if (!allowed) this.problems.push(`${kind}: ${error}`);
  }
}

async function play(gpu: Gpu, sequence: readonly Kind[]): Promise<string[]> {
  const counted = countBuffers(gpu.device);
  const world = new World(gpu, await create(gpu));
  for (const kind of sequence) await world.do(kind);
  await world.settle();
  await world.trainer.destroy();
  counted.stop();
  // What was being read when the trainer was destroyed is freed once the GPU has answered.
  for (let i = 0; counted.alive().length > 0 && i < 100; i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const left = counted.alive();
  return left.length > 0 ? [...world.problems, `buffers stay: ${left.join()}`] : world.problems;
}

const sequences = (...left: readonly Kind[]) =>
  fc.array(fc.constantFrom(...kinds.filter((kind) => !left.includes(kind)), "wait", "fit"), {
    minLength: 3,
    maxLength: 14,
  });

describe("a trainer holds to its rules in every sequence of calls", () => {
  it("on a device that stays", async () => {
    const gpu = await testGpu();
    await fc.assert(
      fc.asyncProperty(sequences("lose"), async (sequence) => {
        expect(await play(gpu, sequence)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("on a device that is lost in between", async () => {
    await fc.assert(
      fc.asyncProperty(sequences("lose"), sequences("lose", "fit"), async (before, after) => {
        const gpu = await openDevice();
        expect(await play(gpu, [...before, "lose", ...after])).toEqual([]);
        gpu.destroy();
      }),
      { numRuns: 6 },
    );
  });
});

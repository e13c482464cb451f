import { making } from "../base/resource.ts";
import { BatchLoader } from "../data/batches.ts";
import { InFlight } from "../run/in-flight.ts";
import { Trainer } from "../train/trainer.ts";
import type { Controls } from "./controls.ts";
import type { RaceEvent, RaceSnapshot } from "./events.ts";
import { Lane } from "./lane.ts";
import type { RaceOptions } from "./options.ts";

/** The lanes of a race with one seed, and how far they are. */
export class SeedRun {
  readonly seed: number;
  readonly lanes: readonly Lane[];
  readonly totalSteps: number;
  /** Steps that all lanes have been given. */
  step = 0;
  readonly #options: RaceOptions;
  readonly #loader: BatchLoader;

  /** Makes the lanes' trainers; `check` is called before each, and what it throws ends it all. */
  static open(options: RaceOptions, seed: number, check: () => void): Promise<SeedRun> {
    const { gpu, batchSize, train, test, sample } = options;
    return making(async (keep) => {
      const lanes: Lane[] = [];
      for (const { name, ...own } of options.lanes) {
        check();
        const trainer = keep(await Trainer.create({ ...own, gpu, batchSize, seed }));
        for (const dataset of [train, test, ...(sample ? [sample.dataset] : [])]) trainer.check(dataset);
        lanes.push(new Lane(name, trainer));
      }
      return new SeedRun(options, seed, lanes);
    });
  }

  private constructor(options: RaceOptions, seed: number, lanes: readonly Lane[]) {
    const { train, batchSize, epochs } = options;
    this.seed = seed;
    this.lanes = lanes;
    this.#options = options;
    this.#loader = new BatchLoader(train, { batchSize, seed });
    this.totalSteps = epochs * this.#loader.batchesPerEpoch;
  }

  /** Trains and tests all lanes; undefined if it was stopped before. */
  async run(
    controls: Controls,
    emit: (event: RaceEvent) => void,
  ): Promise<readonly (number | null)[] | undefined> {
    const inFlight = new InFlight();
    try {
      await this.#train(inFlight, controls, emit);
      await inFlight.settle();
    } catch (error) {
      // What is in flight is told if it can be, so that a later run does not begin in the middle of a step.
      await inFlight.settle().catch(() => {});
      throw error;
    }
    if (controls.stopped()) return undefined;
    const when = `seed ${this.seed}, step ${this.step}`;
    const { test } = this.#options;
    const accuracies = await settled(this.lanes.map((lane) => lane.test(test, when, controls.signal)));
    this.#tellEnded(emit);
    return accuracies;
  }

  async #train(inFlight: InFlight, controls: Controls, emit: (event: RaceEvent) => void): Promise<void> {
    const { seed, totalSteps } = this;
    let before = performance.now();
    while (!controls.stopped() && this.step < totalSteps && this.lanes.some(({ error }) => !error)) {
      if (controls.waits()) {
        await inFlight.settle();
        if (controls.waits()) await controls.command(() => emit({ type: "paused", seed, step: this.step }));
        before = performance.now();
        continue;
      }
      controls.count();
      const { sample } = this.#options;
      const { batchesPerEpoch } = this.#loader;
      const epoch = Math.floor(this.step / batchesPerEpoch);
      const batch = this.#loader.batch(epoch, this.step % batchesPerEpoch);
      const step = ++this.step;
      const sampled = sample && step % sample.every === 0 ? sample.dataset : undefined;
      const task = { batch, step, totalSteps, learningRate: controls.learningRate, sample: sampled };
      // All lanes are asked at once, so that each is at the same step whenever others take a turn.
      await inFlight.add(settled(this.lanes.map((lane) => lane.step(task))), (done) => {
        const now = performance.now();
        const milliseconds = now - before;
        before = now;
        this.#tellEnded(emit);
        if (done.every((lane) => !lane)) return;
        const lanes = done.map((lane) => lane?.info ?? null);
        emit({ type: "step", seed, step, totalSteps, epoch: epoch + 1, lanes, milliseconds });
        if (!sampled) return;
        const accuracies = done.map((lane) => lane?.sampled ?? null);
        emit({ type: "sample", seed, step, accuracies });
      });
    }
  }

  /** Puts all lanes where they were when the snapshot was taken. */
  restore({ step, lanes }: RaceSnapshot): void {
    this.step = step;
    for (const [i, saved] of lanes.entries()) this.lanes[i]!.restore(saved);
  }

  #tellEnded(emit: (event: RaceEvent) => void): void {
    for (const [lane, state] of this.lanes.entries()) {
      if (!state.error || state.told) continue;
      state.told = true;
      emit({ type: "ended", seed: this.seed, lane, message: state.error.message });
    }
  }

  async destroy(): Promise<void> {
    await Promise.all(this.lanes.map(({ trainer }) => trainer.destroy()));
  }
}

/** Like `Promise.all`, but rejects only once all have settled. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

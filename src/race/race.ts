import { making, Resource } from "../base/resource.ts";
import { Turns } from "../run/turns.ts";
import { checkLearningRate } from "../train/checks.ts";
import type { Trainer } from "../train/trainer.ts";
import { Controls } from "./controls.ts";
import type { RaceEvent, RaceMemory, RaceResult, RaceSnapshot, RunOptions } from "./events.ts";
import { checkRace, checkSnapshot, type RaceOptions } from "./options.ts";
import { SeedRun } from "./seed-run.ts";
import { type RaceResults, type SeedResult, verdict } from "./verdict.ts";

/**
 * Several trainers side by side on one device, which differ in what is compared and in nothing else: they share the
 * seed, and each step gives the same batch to all. What a lane computes is what its trainer's `fit` computes alone, bit
 * for bit. The race is run again with each seed, and ends with a verdict on the test accuracies.
 *
 *     const race = await Race.create({ gpu, lanes: [{ name: "plain", model, optimizer }, …], train, test, … });
 *     console.log(race.memory.bytes);
 *     const { verdict } = await race.run({ onEvent: (event) => draw(event) });
 *
 * The rule: `run` goes on from where the race is. It ends when all seeds are done; after the steps in flight, when its
 * signal aborts (it rejects with the reason) or `stop` is called (it resolves with what is known); and with the error
 * that a step or `onEvent` throws. All lanes have then done the same number of steps, and `run` may be called again, to
 * the same end as if nothing had been. A second `run` meanwhile rejects with a BusyError. All else may be called at any
 * time, from `onEvent` and before `run` too. A lane that is no longer finite ends
 * with its NonFiniteError, and the others go on. After `destroy`, everything gets a DestroyedError, `run` under way too.
 * A lost device makes `run` reject with a DeviceLostError, now and later; a new race goes on from a snapshot.
 */
export class Race {
  readonly options: RaceOptions;
  readonly #resource = new Resource("Race");
  readonly #turns = new Turns();
  readonly #controls = new Controls();
  readonly #done: SeedResult[] = [];
  #current: SeedRun | undefined;
  /** Settles once no snapshot needs the current lanes. */
  #saving: Promise<unknown> = Promise.resolve();

  /**
   * Makes the trainers of the first seed or, with a snapshot, of the one where it was taken. Rejects with a DataError for
   * options, data and a snapshot that do not fit together, and as `Trainer.create` and `restore` do.
   */
  static async create(options: RaceOptions): Promise<Race> {
    checkRace(options);
    const { snapshot } = options;
    if (snapshot) checkSnapshot(options, snapshot);
    return making(async (keep) => {
      const race = keep(new Race(options));
      if (snapshot) race.#done.push(...snapshot.results);
      race.#controls.learningRate = snapshot?.learningRate ?? undefined;
      await race.#open(snapshot?.seed ?? options.seeds[0]!, snapshot);
      return race;
    });
  }

  private constructor(options: RaceOptions) {
    this.options = options;
  }

  /**
   * The lanes' trainers with the current seed, to look at: `predict`, `evaluate`, `checkpoint`. The next seed destroys
   * them and makes new ones; none are there meanwhile.
   */
  get trainers(): readonly Trainer[] {
    return this.#current?.lanes.map(({ trainer }) => trainer) ?? [];
  }

  /**
   * What the lanes' training steps need in memory, known before the first step. An evaluation, and a smaller last batch
   * of an epoch, take temporaries besides, which are fewer.
   */
  get memory(): RaceMemory {
    const lanes = this.#current?.lanes.map(({ memory }) => memory) ?? [];
    const bytes = lanes.reduce((sum, lane) => sum + lane.temporaryBytes + lane.persistentBytes, 0);
    return { lanes, bytes };
  }

  /** The seeds that are done. */
  get results(): RaceResults {
    return { lanes: this.options.lanes.map(({ name }) => name), seeds: [...this.#done] };
  }

  /** Runs the race on, to its end or to `stop`. */
  async run(options: RunOptions = {}): Promise<RaceResult> {
    return this.#resource.run(() =>
      this.#turns.run("Race.run", () => this.#controls.under(options.signal, () => this.#run(options))),
    );
  }

  /** Holds the race after the steps in flight, of which there are up to two; the event `paused` tells when. */
  pause(): void {
    this.#command((controls) => controls.pause());
  }

  /** Goes on after a pause. */
  resume(): void {
    this.#command((controls) => controls.resume());
  }

  /** Pauses after one more step of all lanes. */
  step(): void {
    this.#command((controls) => controls.step());
  }

  /** Ends `run` after the steps in flight, or after the evaluation under way. */
  stop(): void {
    this.#command((controls) => controls.stop());
  }

  /**
   * From the next step on, in this seed and later ones, takes this rate for all lanes in place of their optimizers'; the
   * lanes' schedules still multiply it.
   */
  setLearningRate(rate: number): void {
    this.#command((controls) => {
      checkLearningRate("Race.setLearningRate", rate);
      controls.learningRate = rate;
    });
  }

  /**
   * All that a new race with the same options needs to go on from here to the same end, bit for bit, such as after the
   * device was lost. May be called at any time: it takes its turn between two steps.
   */
  async snapshot(): Promise<RaceSnapshot> {
    return this.#resource.run(async () => {
      const { seeds } = this.options;
      const { seed = seeds[this.#done.length]!, step = 0, lanes = [] } = this.#current ?? {};
      const results = [...this.#done];
      const learningRate = this.#controls.learningRate ?? null;
      const saved = Promise.all(lanes.map((lane) => lane.snapshot()));
      this.#saving = Promise.allSettled([this.#saving, saved]);
      return { results, seed, step, learningRate, lanes: await saved };
    });
  }

  /** Frees all lanes; the device stays open. */
  async destroy(): Promise<void> {
    this.#resource.end();
    this.#controls.wake();
    await this.#close();
  }

  #command(change: (controls: Controls) => void): void {
    this.#resource.check();
    change(this.#controls);
  }

  /** Makes the lanes of a seed in place of those of the last one. */
  async #open(seed: number, snapshot?: RaceSnapshot): Promise<SeedRun> {
    await this.#saving;
    await this.#close();
    return making(async (keep) => {
      const check = (): void => this.#resource.check();
      const opened = keep(await SeedRun.open(this.options, seed, check));
      if (snapshot) opened.restore(snapshot);
      check(); // It may have been destroyed while this waited.
      this.#current = opened;
      return opened;
    });
  }

  async #close(): Promise<void> {
    const last = this.#current;
    this.#current = undefined;
    await last?.destroy();
  }

  async #run({ onEvent = () => {} }: RunOptions): Promise<RaceResult> {
    const { seeds } = this.options;
    const emit = (event: RaceEvent): void => {
      this.#resource.check();
      onEvent(event);
    };
    while (this.#done.length < seeds.length && !this.#controls.stopped()) {
      const index = this.#done.length;
      const seed = seeds[index]!;
      const current = this.#current?.seed === seed ? this.#current : await this.#open(seed);
      const { totalSteps } = current;
      if (current.step === 0) emit({ type: "seed", seed, index, seeds: seeds.length, totalSteps });
      const accuracies = await current.run(this.#controls, emit);
      if (!accuracies) break;
      this.#done.push({ seed, accuracies });
      emit({ type: "result", seed, accuracies, verdict: verdict(this.results) });
    }
    const { results } = this;
    return { ...results, stopped: results.seeds.length < seeds.length, verdict: verdict(results) };
  }
}

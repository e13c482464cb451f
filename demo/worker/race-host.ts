import {
  type Dataset,
  DeviceLostError,
  type Gpu,
  isSoftwareAdapter,
  loadDataset,
  openDevice,
  Race,
  type RaceResult,
  type RaceSnapshot,
  take,
} from "webgraft";
import { RunLog } from "../runs/run-log.ts";
import type { RaceSettings } from "../runs/settings.ts";
import { keepOpenRace, keepRun, type OpenRace } from "../runs/store.ts";
import { drawnLanes } from "./drawing.ts";
import type { StudioEvent } from "./events.ts";
import { imageOf } from "./image.ts";
import { lanesOf } from "./lanes.ts";
import { examples, type Mistake, worstMistakes } from "./mistakes.ts";
import { Rates } from "./rates.ts";

/** So much is lost at most when the device, the tab or the power goes away. */
const SNAPSHOT_MS = 5_000;

/** A device that is lost so often in one race will not get any better. */
const MOST_LOSSES = 5;

/** How many test images tell the accuracy while the lanes learn, and every how many steps. */
const SAMPLE = { gpu: { images: 500, every: 4 }, software: { images: 96, every: 8 } };

interface Data {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** One race: opens the device, loads the data, runs, keeps what it told, and goes on after a loss. */
export class RaceHost {
  readonly log: RunLog;
  gpu: Gpu | undefined;
  data: Data | undefined;
  race: Race | undefined;
  readonly #tell: (event: StudioEvent) => void;
  readonly #rates: Rates;
  readonly #loading = new AbortController();
  #snapshot: RaceSnapshot | undefined;
  #snapshotAt = 0;
  #saving = Promise.resolve();
  /** Whether the browser has refused to keep something. */
  #refused = false;
  /** Whether to begin paused, and to make no step. */
  #paused = false;

  /** A new race, or one that goes on. */
  constructor(begin: RaceSettings | OpenRace, tell: (event: StudioEvent) => void) {
    this.#tell = tell;
    if ("snapshot" in begin) {
      this.log = new RunLog(begin.record);
      this.#snapshot = begin.snapshot;
    } else {
      this.log = RunLog.begin(begin);
    }
    this.#rates = new Rates(this.log.record.settings);
  }

  get settings(): RaceSettings {
    return this.log.record.settings;
  }

  /** Runs to the end or to `stop`; afterwards the lanes of the last seed are still there to look at. */
  async run(): Promise<RaceResult> {
    for (let losses = 0; ; losses++) {
      try {
        const result = await this.#attempt();
        this.log.record.stopped = result.stopped;
        // A save under way would leave a race to go on with that has ended.
        await this.#saving;
        await this.#keep();
        await this.#unlessRefused(keepOpenRace(undefined));
        return result;
      } catch (error) {
        if (!(error instanceof DeviceLostError) || losses === MOST_LOSSES) throw error;
        this.#emit({ type: "lost", message: error.message });
        await this.#closeRace();
      }
    }
  }

  pause(): void {
    this.#paused = true;
    this.race?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.race?.resume();
  }

  step(): void {
    this.#paused = true;
    this.race?.step();
  }

  stop(): void {
    this.#loading.abort();
    this.race?.stop();
  }

  setLearningRate(rate: number): void {
    this.#emit({ type: "rates", rates: this.#rates.change(rate) });
  }

  /** Class probabilities by lane for an image in the form of the data set, unless no lanes are there. */
  async guess(pixels: Uint8Array): Promise<readonly (readonly number[])[] | undefined> {
    const { race, data } = this;
    if (!race || !data || race.trainers.length === 0) return undefined;
    const image = imageOf(data.train, pixels);
    const guesses = await Promise.all(race.trainers.map((trainer) => trainer.predict(image)));
    return guesses.map((probabilities) => [...probabilities]);
  }

  /** What a lane is most sure and wrong about; none while no lanes are there. */
  async mistakes(lane: number, count: number): Promise<readonly Mistake[]> {
    const trainer = this.race?.trainers[lane];
    return trainer && this.data ? worstMistakes(trainer, this.data.test, count) : [];
  }

  /** A test image of each class, once the data are there. */
  examples(): readonly (Uint8Array | undefined)[] {
    return this.data ? examples(this.data.test) : [];
  }

  async close(): Promise<void> {
    this.stop();
    await this.#closeRace();
  }

  async #attempt(): Promise<RaceResult> {
    const { settings } = this;
    const gpu = await openDevice();
    this.gpu = gpu;
    gpu.pipelines.onProgress = (ready, wanted) => this.#emit({ type: "compiling", ready, wanted });
    const software = isSoftwareAdapter(gpu.device.adapterInfo);
    this.#emit({ type: "adapter", adapter: gpu.adapter, software });
    this.data ??= await this.#load();
    const { train, test } = this.data;
    const { images, every } = software ? SAMPLE.software : SAMPLE.gpu;
    const sample = { dataset: take(test, Math.min(images, test.length)), every };
    const snapshot = this.#snapshot;
    const race = await Race.create({
      gpu,
      train,
      test,
      batchSize: settings.batch,
      epochs: settings.epochs,
      seeds: Array.from({ length: settings.seeds }, (_, i) => i + 1),
      lanes: lanesOf(settings, train, this.#rates.schedule),
      sample,
      ...(snapshot && { snapshot }),
    });
    this.race = race;
    this.#loading.signal.throwIfAborted();
    this.#emit({
      type: "open",
      lanes: drawnLanes(settings, train),
      memory: race.memory,
      classes: train.classes,
      sampleImages: sample.dataset.length,
    });
    // A device that was lost before the first snapshot leaves nothing to go on from.
    const { seed, step } = snapshot ?? { seed: 1, step: 0 };
    this.#rates.enter(seed, step);
    if (this.log.current) this.#emit({ type: "restored", seed, step });
    this.#snapshotAt = performance.now();
    if (this.#paused) race.pause();
    return race.run({ onEvent: (event) => this.#emit(event) });
  }

  async #load(): Promise<Data> {
    const { data, images, testImages } = this.settings;
    const { signal } = this.#loading;
    const baseUrl = new URL("data", location.href).href;
    const nothing: { loaded: number; total: number | undefined } = { loaded: 0, total: undefined };
    const bytes = { train: nothing, test: nothing };
    const load = (split: "train" | "test", examples: number): Promise<Dataset> =>
      loadDataset(data, split, {
        baseUrl,
        signal,
        examples,
        onProgress: (loaded, total) => {
          bytes[split] = { loaded, total };
          const { train, test } = bytes;
          const known = train.total !== undefined && test.total !== undefined;
          const all = known ? train.total! + test.total! : undefined;
          this.#emit({ type: "loading", loaded: train.loaded + test.loaded, total: all });
        },
      });
    const [train, test] = await Promise.all([load("train", images), load("test", testImages)]);
    return { train, test };
  }

  #emit(event: StudioEvent): void {
    if (event.type === "seed") this.#rates.enter(event.seed, 0);
    this.log.apply(event);
    this.#tell(event);
    if (event.type === "result") void this.#keep();
    const due = performance.now() - this.#snapshotAt >= SNAPSHOT_MS;
    if (event.type === "paused" || (event.type === "step" && due)) this.#saving = this.#save();
  }

  /** Takes a snapshot, and keeps it once all of its steps have been told. */
  async #save(): Promise<void> {
    this.#snapshotAt = performance.now();
    try {
      const snapshot = await this.race!.snapshot();
      const { seed, step } = snapshot;
      const told = (): boolean =>
        step === 0 || this.log.record.seeds.find((log) => log.seed === seed)?.steps.at(-1)?.step === step;
      // Steps that were in flight are told in the next moments.
      for (let waits = 0; !told() && waits < 100; waits++) await new Promise((done) => setTimeout(done, 20));
      this.#snapshot = snapshot;
      const kept = await this.#unlessRefused(keepOpenRace({ record: this.log.record, snapshot }));
      if (kept) this.#tell({ type: "saved", seed, step });
    } catch (error) {
      // What ends the race is told by `run`.
      console.debug(error);
    }
  }

  /** Keeps the race in Compare. */
  async #keep(): Promise<void> {
    await this.#unlessRefused(keepRun(this.log.record));
  }

  async #closeRace(): Promise<void> {
    const { race, gpu } = this;
    this.race = undefined;
    this.gpu = undefined;
    await race?.destroy();
    gpu?.destroy();
  }

  /** Full storage, or a private window that keeps nothing, is no reason to end a race; it is told once. */
  async #unlessRefused(keeping: Promise<void>): Promise<boolean> {
    try {
      await keeping;
      return true;
    } catch (error) {
      if (!this.#refused) this.#emit({ type: "refused", message: (error as Error).message });
      this.#refused = true;
      return false;
    }
  }
}

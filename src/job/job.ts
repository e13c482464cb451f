import { DataError, WebgraftError } from "../base/errors.ts";
import { median } from "../base/numbers.ts";
import { type Dataset, subset } from "../data/dataset.ts";
import { type Split, splits } from "../data/load.ts";
import { type Gpu, openDevice } from "../gpu/device.ts";
import type { TuningStore } from "../gpu/tuning.ts";
import { optimizers } from "../optimizers/index.ts";
import { describePlan } from "../plan/report/describe.ts";
import { drawPlan } from "../plan/report/draw.ts";
import { oneCycle } from "../train/schedules.ts";
import { Trainer } from "../train/trainer.ts";
import type { TuneMode } from "../train/tune.ts";
import { FeatureCache } from "../transfer/feature-cache.ts";
import { loadPretrained } from "../transfer/pretrained.ts";
import { augmentationOf } from "./augmentation.ts";
import { loadJobData, tellLoading } from "./job-data.ts";
import { historyOf, metadataOf, settingsOf } from "./job-metadata.ts";
import type { EpochRecord, JobCommand, JobEvent, JobHistory, Prediction, StepRecord } from "./protocol.ts";
import { checkSettings, type JobSettings, modelOf } from "./settings.ts";

export interface JobOptions {
  /** Folder of the data sets, as for `loadDataset`; its subfolder `folder` holds the run's folder of images. */
  readonly dataUrl: string;
  /** Gives the address of a weight file in the settings. Default: the file is an address itself. */
  readonly weightsUrl?: (file: string, index: number) => string;
  /** As in `TrainerOptions`: what to do about measured kernels, and where to keep them. */
  readonly tune?: TuneMode;
  readonly tuningStore?: TuningStore;
}

/** The state of a job once it is ready. */
interface Run {
  readonly settings: JobSettings;
  readonly trainer: Trainer;
  readonly train: Dataset;
  readonly test: Dataset;
  /** If features are cached: its head trains instead of the trainer, on `features`. */
  readonly cache: FeatureCache | undefined;
  readonly features: Partial<Record<Split, Dataset>>;
  readonly steps: StepRecord[];
  readonly epochs: EpochRecord[];
}

/**
 * A training run that takes commands and emits events as plain data (protocol.ts), so that it can live in a worker or
 * in another process. Errors are events too; nothing is thrown.
 */
export class Job {
  readonly #emit: (event: JobEvent) => void;
  readonly #options: JobOptions;
  #started = false;
  #paused = false;
  #stopping = false;
  #checkpointWanted = false;
  readonly #predictions: (readonly number[])[] = [];
  /** Whether the current work leaves the weights alone and ends soon, so that a checkpoint can wait for it. */
  #looking = false;
  /** Aborts the work before training. */
  readonly #loading = new AbortController();
  /** Aborts the current piece of training. */
  #interrupt = new AbortController();
  #wake: () => void = () => {};

  constructor(emit: (event: JobEvent) => void, options: JobOptions) {
    this.#emit = emit;
    this.#options = options;
  }

  /** Carries out a command; events tell the results. */
  handle(command: JobCommand): void {
    switch (command.type) {
      case "start":
        void this.#start(command.settings, command.checkpoint);
        break;
      case "pause":
        this.#paused = true;
        this.#interrupt.abort();
        break;
      case "resume":
        this.#paused = false;
        break;
      case "stop":
        this.#stopping = true;
        this.#loading.abort();
        this.#interrupt.abort();
        break;
      case "predict":
        this.#predictions.push(command.indices);
        break;
      case "checkpoint":
        this.#checkpointWanted = true;
        // Steps in flight must finish first.
        if (!this.#looking) this.#interrupt.abort();
        break;
    }
    this.#wake();
  }

  async #start(settings: JobSettings, checkpoint: Uint8Array | undefined): Promise<void> {
    let gpu: Gpu | undefined;
    try {
      if (this.#started) throw new WebgraftError("job: was started before — make a new Job for each run");
      this.#started = true;
      gpu = await openDevice();
      const run = await this.#prepare(gpu, settings, checkpoint);
      if (run) await this.#train(run);
      else this.#emit({ type: "stopped", step: 0 });
    } catch (error) {
      const { name, message } = error as Error;
      this.#emit({ type: "error", name, message });
    } finally {
      gpu?.destroy();
    }
  }

  /** Loads the data and makes the trainer; undefined if the job is stopped meanwhile. */
  async #prepare(gpu: Gpu, given: JobSettings, checkpoint: Uint8Array | undefined): Promise<Run | undefined> {
    const settings = checkpoint ? settingsOf(checkpoint, "checkpoint") : checkSettings(given);
    this.#emit({ type: "adapter", adapter: gpu.adapter });
    let data: readonly [train: Dataset, test: Dataset];
    let trainer: Trainer;
    try {
      const { signal } = this.#loading;
      data = await loadJobData(settings, { baseUrl: this.#options.dataUrl, signal, emit: this.#emit });
      trainer = await this.#createTrainer(gpu, settings, data[0]);
      if (!checkpoint) await this.#loadWeights(settings, trainer);
    } catch (error) {
      if (this.#loading.signal.aborted) return undefined;
      throw error;
    }
    const [train, test] = data;
    const history: JobHistory = checkpoint ? historyOf(checkpoint, "checkpoint") : { steps: [], epochs: [] };
    if (checkpoint) trainer.restore(checkpoint);
    const cache = settings.cacheFeatures ? await FeatureCache.create(trainer) : undefined;
    const { plan } = cache?.head ?? trainer;
    if (this.#stopping && !checkpoint) return undefined;
    this.#emit({
      type: "ready",
      settings,
      classes: train.classes,
      imageShape: train.shape,
      parameters: trainer.parameterCount,
      dispatchesPerStep: plan.dispatches.length,
      plan: plan.report,
      planText: describePlan(plan),
      planPicture: drawPlan(plan),
      firstStep: trainer.step + 1,
      totalSteps: settings.epochs * Math.ceil(train.length / settings.batch),
      examples: train.length,
      testExamples: test.length,
      history,
    });
    const [steps, epochs] = [[...history.steps], [...history.epochs]];
    return { settings, trainer, train, test, cache, features: {}, steps, epochs };
  }

  #createTrainer(gpu: Gpu, settings: JobSettings, data: Dataset): Promise<Trainer> {
    const { optimizer, lr, batch, microBatches, recompute, precision, seed, augment = [] } = settings;
    const { tune, tuningStore: store } = this.#options;
    return Trainer.create({
      gpu,
      model: modelOf(settings, data),
      optimizer: optimizers[optimizer].create(lr),
      batchSize: batch,
      ...(microBatches !== undefined && { microBatches }),
      ...(recompute && { memory: "recompute" }),
      ...(precision && { precision }),
      seed,
      schedule: oneCycle(),
      ...(augment.length > 0 && { augment: augmentationOf(augment, data) }),
      ...(tune && { tune }),
      tuning: {
        ...(store && { store }),
        signal: this.#loading.signal,
        onProgress: ({ done, total }) => this.#emit({ type: "tuning", done, total }),
      },
    });
  }

  async #loadWeights({ weights = [] }: JobSettings, trainer: Trainer): Promise<void> {
    const { weightsUrl = (address: string) => address } = this.#options;
    for (const [i, file] of weights.entries()) {
      const report = await loadPretrained(trainer, weightsUrl(file, i), {
        name: file,
        signal: this.#loading.signal,
        onProgress: tellLoading(this.#emit, file),
      });
      this.#emit({ type: "weights", file, ...report });
    }
  }

  /** Trains piece by piece, with commands carried out in between, and answers questions after the end. */
  async #train(run: Run): Promise<void> {
    let finished = false;
    let told = false; // whether `paused` was emitted
    while (true) {
      // Whatever waits or emits returns to the top, so that no command is missed before the wait for the next one.
      if (this.#predictions.length > 0) {
        await this.#answer(run);
      } else if (this.#checkpointWanted) {
        await this.#checkpoint(run);
      } else if (this.#stopping) {
        const { step } = run.cache?.head ?? run.trainer;
        if (step > 0) await this.#checkpoint(run);
        return this.#emit({ type: "stopped", step });
      } else if (finished) {
        await this.#command();
      } else if (!this.#paused) {
        told = false;
        if (run.cache && !run.features.test) await this.#computeFeatures(run.cache, run);
        else finished = await this.#fit(run);
      } else if (!told) {
        told = true;
        this.#emit({ type: "paused" });
      } else {
        await this.#command();
      }
    }
  }

  /** Resolves at the next command. */
  #command(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Computes the features of the training and the test images, unless interrupted. */
  async #computeFeatures(cache: FeatureCache, { features, ...images }: Run): Promise<void> {
    this.#interrupt = new AbortController();
    const { signal } = this.#interrupt;
    this.#looking = true;
    try {
      for (const split of splits) {
        features[split] ??= await cache.features(images[split], {
          signal,
          onProgress: (done, total) => this.#emit({ type: "caching", split, done, total }),
        });
      }
    } catch (error) {
      if (error !== signal.reason) throw error;
    } finally {
      this.#looking = false;
    }
  }

  /** Continues the run until it is done (true) or interrupted (false). */
  async #fit(run: Run): Promise<boolean> {
    const { settings, steps, epochs, features } = run;
    const trainer = run.cache?.head ?? run.trainer;
    const { train = run.train, test = run.test } = features;
    this.#interrupt = new AbortController();
    const { signal } = this.#interrupt;
    try {
      await trainer.fit(train, {
        epochs: settings.epochs,
        validation: test,
        signal,
        onStep: async ({ step, epoch, loss, accuracy, learningRate, examples, milliseconds }) => {
          const record: StepRecord = { step, loss, accuracy, milliseconds };
          steps.push(record);
          this.#emit({ type: "step", epoch, learningRate, examples, ...record });
          await this.#answer(run);
        },
        onEvaluate: (done, total) => {
          this.#looking = true;
          this.#emit({ type: "evaluating", done, total });
        },
        onEpoch: async ({ epoch, testLoss, testAccuracy, confusion }) => {
          const record: EpochRecord = { epoch, testLoss, testAccuracy };
          epochs.push(record);
          this.#emit({ type: "epoch", ...record, confusion });
          await this.#checkpoint(run);
          this.#looking = false;
        },
      });
    } catch (error) {
      if (error !== signal.reason) throw error;
      return false;
    } finally {
      this.#looking = false;
    }
    const { testLoss, testAccuracy } = epochs.at(-1)!;
    const medianStepMs = median(steps.map(({ milliseconds }) => milliseconds));
    const testExamples = test.length;
    this.#emit({ type: "done", steps: trainer.step, testLoss, testAccuracy, testExamples, medianStepMs });
    return true;
  }

  async #checkpoint({ trainer, cache, train, settings, steps, epochs }: Run): Promise<void> {
    this.#checkpointWanted = false;
    await cache?.finish();
    const bytes = await trainer.checkpoint({
      metadata: metadataOf(settings, { steps, epochs }),
      labels: train.classes,
    });
    this.#emit({ type: "checkpoint", step: trainer.step, bytes });
  }

  /** Makes the requested predictions. */
  async #answer({ trainer, cache, test }: Run): Promise<void> {
    for (let indices = this.#predictions.shift(); indices; indices = this.#predictions.shift()) {
      const bad = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= test.length);
      if (bad !== undefined || indices.length === 0) {
        throw new DataError(
          `predict: indices of test images must be 0…${test.length - 1} — got ${bad ?? "none"}`,
        );
      }
      const size = Math.min(trainer.batchSize, test.length);
      // Full batches use the evaluation's compiled plan; any other size would need to be compiled.
      const missing = Math.ceil(indices.length / size) * size - indices.length;
      const images = subset(test, [...indices, ...Array<number>(missing).fill(indices[0]!)]);
      await cache?.finish();
      const probabilities = await trainer.predict(images);
      const classes = test.classes.length;
      const pixels = images.images.length / images.length;
      this.#emit({
        type: "predictions",
        step: trainer.step,
        predictions: indices.map(
          (index, i): Prediction => ({
            index,
            label: test.labels[index]!,
            probabilities: [...probabilities.subarray(i * classes, (i + 1) * classes)],
            pixels: Uint8Array.from(images.images.subarray(i * pixels, (i + 1) * pixels)),
          }),
        ),
      });
    }
  }
}

import { DeviceLostError, WebgraftError } from "../base/errors.ts";
import { median } from "../base/numbers.ts";
import { show } from "../base/schema.ts";
import { splits } from "../data/load.ts";
import { type Gpu, openDevice } from "../gpu/device.ts";
import { checkEvaluation, checkLearningRate } from "../train/checks.ts";
import type { Trainer } from "../train/trainer.ts";
import { closeImages } from "./images.ts";
import { metadataOf } from "./job-metadata.ts";
import type { JobOptions } from "./options.ts";
import type { EpochRecord, JobCommand, JobEvent, JobQuestion, SampleRecord, StepRecord } from "./protocol.ts";
import { answer } from "./questions.ts";
import { describeRun, openRun, type Run } from "./run.ts";
import { sampleIsDue, sampleOf } from "./sample.ts";

/**
 * A training run that takes commands and emits events as plain data (protocol.ts), so that it can live in a worker or
 * in another process. Errors are events too; nothing is thrown.
 *
 *     const job = new Job((event) => postMessage(event), { dataUrl });
 *     addEventListener("message", ({ data }) => job.handle(data));
 */
export class Job {
  readonly #emit: (event: JobEvent) => void;
  readonly #options: JobOptions;
  #state: "new" | "started" | "ended" = "new";
  #run: Run | undefined;
  /** No step after this one begins; before the job is ready, counted from where it will be. */
  #lastStep = Number.POSITIVE_INFINITY;
  /** Whether evaluations wait too. */
  #paused = false;
  #stopping = false;
  #checkpointWanted = false;
  #learningRate: number | undefined;
  readonly #questions: JobQuestion[] = [];
  /** When the training began or the last checkpoint was made. */
  #saved = 0;
  /** Whether the current work leaves the weights alone and ends soon, so that other work can wait for it. */
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
    try {
      if (this.#state === "ended") throw new WebgraftError("job: has ended — make a new Job for each run");
      this.#handle(command);
    } catch (error) {
      this.#refuse(command, error);
    }
    this.#wake();
  }

  #handle(command: JobCommand): void {
    switch (command.type) {
      case "start":
        if (this.#state !== "new") {
          throw new WebgraftError("job: was started before — make a new Job for each run");
        }
        this.#state = "started";
        void this.#start(command);
        break;
      case "pause":
        this.#lastStep = this.#begun;
        this.#paused = true;
        this.#interrupt.abort();
        break;
      case "resume":
        this.#lastStep = Number.POSITIVE_INFINITY;
        this.#paused = false;
        break;
      case "step": {
        const last = this.#lastStep;
        this.#lastStep = 1 + (Number.isFinite(last) ? Math.max(last, this.#begun) : this.#begun);
        this.#paused = false;
        this.#interruptSteps();
        break;
      }
      case "learningRate":
        checkLearningRate("job", command.learningRate);
        this.#learningRate = command.learningRate;
        this.#interruptSteps();
        break;
      case "stop":
        this.#stopping = true;
        this.#loading.abort();
        this.#interrupt.abort();
        break;
      case "checkpoint":
        this.#checkpointWanted = true;
        // Steps in flight must finish first.
        this.#interruptSteps();
        break;
      case "predict":
      case "activations":
      case "filters":
        if (this.#stopping) throw new WebgraftError("job: was stopped");
        this.#questions.push(command);
        break;
      default:
        throw new WebgraftError(`job: there is no command ${show((command as { type?: unknown }).type)}`);
    }
  }

  /** Steps that have begun, all of which are done or in flight. */
  get #begun(): number {
    return this.#run?.head.step ?? 0;
  }

  /** Lets what a command has changed hold from the next step on. */
  #interruptSteps(): void {
    if (!this.#looking) this.#interrupt.abort();
  }

  async #start({ settings, checkpoint }: JobCommand & { type: "start" }): Promise<void> {
    let gpu: Gpu | undefined;
    const { signal } = this.#loading;
    try {
      gpu = await openDevice();
      const source = { gpu, settings, checkpoint, options: this.#options, signal, emit: this.#emit };
      const run = await openRun(source);
      this.#ready(run);
      this.#end({ type: "stopped", step: await this.#train(run) });
    } catch (error) {
      const { name, message } = error as Error;
      if (signal.aborted && !this.#run) this.#end({ type: "stopped", step: 0 });
      else this.#end({ type: "error", name, message });
    } finally {
      gpu?.destroy();
    }
  }

  #ready(run: Run): void {
    this.#run = run;
    this.#lastStep += run.head.step;
    this.#learningRate ??= run.learningRate;
    this.#emit(describeRun(run, this.#learningRate));
  }

  /** The last event; what still waits is refused. */
  #end(event: JobEvent & { type: "stopped" | "error" }): void {
    this.#state = "ended";
    const ended = new WebgraftError("job: has ended");
    for (const question of this.#questions.splice(0)) this.#refuse(question, ended);
    this.#emit(event);
  }

  #refuse(command: JobCommand, error: unknown): void {
    closeImages(command);
    const { type, id } = command as JobQuestion;
    const { message } = error as Error;
    this.#emit({ type: "refused", command: type, ...(id !== undefined && { id }), message });
  }

  /**
   * Trains piece by piece, with commands carried out in between, and answers questions after the end. Resolves with the
   * number of steps once the job is stopped.
   */
  async #train(run: Run): Promise<number> {
    const { settings, cache, head, features } = run;
    this.#saved = performance.now();
    let told = false; // whether `paused` or `done` was emitted
    while (true) {
      if (this.#questions.length > 0) await this.#answer(run);
      // Whatever waits or emits returns to the top, so that no command is missed before the wait for the next one.
      if (this.#checkpointWanted) {
        await this.#checkpoint(run);
      } else if (this.#stopping) {
        if (head.step > 0) await this.#checkpoint(run);
        return head.step;
      } else if (sampleIsDue(run) && (!cache || features.test)) {
        await this.#piece((signal) => this.#sample(run, signal));
      } else if (head.epoch >= settings.epochs || this.#waits(head)) {
        if (!told) this.#emit(head.epoch >= settings.epochs ? doneOf(run) : { type: "paused" });
        else if (this.#questions.length === 0) await this.#command();
        told = true;
      } else {
        told = false;
        const computes = cache && !features.test;
        await this.#piece((signal) =>
          computes ? this.#computeFeatures(run, signal) : this.#fit(run, signal),
        );
      }
    }
  }

  /** Whether nothing may begin before the next command: no step, and no evaluation that is due unless `step` led there. */
  #waits({ step, progress: { examples, length } }: Trainer): boolean {
    const testIsDue = length > 0 && examples === length;
    return step >= this.#lastStep && (this.#paused || !testIsDue);
  }

  /** Resolves at the next command. */
  #command(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Works until it is done or interrupted by a command. */
  async #piece(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#interrupt = new AbortController();
    const { signal } = this.#interrupt;
    try {
      await work(signal);
    } catch (error) {
      if (error !== signal.reason) throw error;
    } finally {
      this.#looking = false;
    }
  }

  /** Computes the features of the training and the test images. */
  async #computeFeatures({ cache, features, ...images }: Run, signal: AbortSignal): Promise<void> {
    this.#looking = true;
    for (const split of splits) {
      features[split] ??= await cache!.features(images[split], {
        signal,
        onProgress: (done, total) => this.#emit({ type: "caching", split, done, total }),
      });
    }
  }

  /** Trains until the next command that interrupts, the next sample, or the end of the run. */
  async #fit(run: Run, signal: AbortSignal): Promise<void> {
    const { settings, head, history, features } = run;
    const { train = run.train, test = run.test } = features;
    const { epochs, sampleEvery = Number.POSITIVE_INFINITY } = settings;
    const nextSample = sampleEvery * (Math.floor(head.step / sampleEvery) + 1);
    await head.fit(train, {
      epochs,
      maxSteps: Math.min(this.#lastStep, nextSample),
      ...(this.#learningRate !== undefined && { learningRate: this.#learningRate }),
      validation: test,
      signal,
      onStep: async ({ step, loss, accuracy, milliseconds, totalSteps: _, ...more }) => {
        const record: StepRecord = { step, loss, accuracy, milliseconds };
        history.steps.push(record);
        this.#emit({ type: "step", ...record, ...more });
        await this.#answer(run);
        // Like one on request: between two calls of `fit`, where no step is in flight.
        const { checkpointEvery = 60 } = this.#options;
        if (performance.now() - this.#saved >= 1000 * checkpointEvery) this.handle({ type: "checkpoint" });
      },
      onEvaluate: (done, total) => {
        this.#looking = true;
        this.#emit({ type: "evaluating", done, total });
      },
      onEpoch: async ({ epoch, testLoss, testAccuracy, confusion }) => {
        if (sampleIsDue(run)) await this.#sample(run);
        const record: EpochRecord = { epoch, testLoss, testAccuracy };
        history.epochs.push(record);
        history.confusion = confusion;
        this.#emit({ type: "epoch", ...record, confusion });
        await this.#checkpoint(run);
        // What was asked for during the evaluation holds from here on.
        this.#interrupt.abort();
      },
    });
  }

  /** Evaluates the sample of the test images. */
  async #sample({ settings, head, history, features, ...run }: Run, signal?: AbortSignal): Promise<void> {
    this.#looking = true;
    const sample = sampleOf(settings, features.test ?? run.test);
    const { loss, accuracy } = await head.evaluate(sample, { ...(signal && { signal }) });
    checkEvaluation(`sample after step ${head.step}`, loss);
    const record: SampleRecord = { step: head.step, loss, accuracy };
    history.samples.push(record);
    this.#emit({ type: "sample", ...record });
  }

  async #checkpoint({ gpu, trainer, cache, train, settings, history }: Run): Promise<void> {
    this.#checkpointWanted = false;
    await cache?.finish();
    const { kernels } = trainer;
    const bytes = await trainer.checkpoint({
      metadata: metadataOf(settings, history, this.#learningRate, { device: gpu.tuning.device, kernels }),
      labels: train.classes,
    });
    this.#emit({ type: "checkpoint", step: trainer.step, bytes });
    this.#saved = performance.now();
  }

  /** Answers the questions that wait; those that come meanwhile wait for the next step. */
  async #answer(run: Run): Promise<void> {
    for (const question of this.#questions.splice(0)) {
      let answered: JobEvent;
      try {
        answered = await answer(run, question);
      } catch (error) {
        if (error instanceof DeviceLostError) throw error;
        this.#refuse(question, error);
        continue;
      }
      this.#emit(answered);
    }
  }
}

function doneOf({ head, test, history: { steps, epochs } }: Run): JobEvent {
  const { testLoss, testAccuracy } = epochs.at(-1)!;
  const medianStepMs = median(steps.map(({ milliseconds }) => milliseconds));
  const testExamples = test.length;
  return { type: "done", steps: head.step, testLoss, testAccuracy, testExamples, medianStepMs };
}

import { DataError, NonFiniteError } from "../base/errors.ts";
import { type Batch, BatchLoader } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Precision, Variable } from "../graph/graph.ts";
import { countNumbers, type Model } from "../models/model.ts";
import type { ProgramOptions } from "../ops/lower.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import type { Plan } from "../plan/plan.ts";
import { describeModel, type ModelInfo } from "../predict/model-file.ts";
import { InFlight } from "../run/in-flight.ts";
import type { Live } from "../run/live.ts";
import type { Feeds, Outputs, Session } from "../run/session.ts";
import type { TuneOptions } from "../run/tuner.ts";
import { Variables } from "../run/variables.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { type Compiled, compileStep, type Mode } from "./compile.ts";
import type { EpochInfo, Evaluation, FitOptions, History, StepInfo } from "./fit.ts";
import { microBatchesOf } from "./micro-batches.ts";
import type { TrainingPassOptions } from "./passes.ts";
import { runDataset } from "./run-dataset.ts";
import { constant, type Schedule } from "./schedules.ts";
import { prepareTuning, type TuneMode } from "./tune.ts";

export interface TrainerOptions extends TrainingPassOptions, ProgramOptions {
  readonly gpu: Gpu;
  readonly model: Model;
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  /**
   * Number of equal parts in which a batch goes through the model, one after another, before one update with the sum of
   * their gradients. Only one part's activations are in memory at a time. Results match those of the whole batch up to
   * rounding, dropout and augmentation included, except that batch norm takes its statistics per part, and mixup and
   * cutmix mix within a part. Default 1.
   */
  readonly microBatches?: number;
  /**
   * `mixed` stores activations and their gradients as f16, about half the memory, and computes in f32; see `Precision`.
   * Steps whose gradients overflow are skipped; `lossScale` counts them. Default `f32`.
   */
  readonly precision?: Precision;
  /** Factor of the optimizer's learning rate over the run. Default constant. */
  readonly schedule?: Schedule;
  /** Determines initial weights, order of examples, dropout and augmentation. Default 0. */
  readonly seed?: number;
  /** Whether the parameter of this name is frozen, in addition to those the model freezes; see `freeze`. */
  readonly frozen?: (name: string) => boolean;
  /**
   * Whether to load measurements of kernels before planning, and to measure what is missing. Default `cached`. A run
   * resumed with other measurements may round differently from there on.
   */
  readonly tune?: TuneMode;
  /** For `tune`: where measurements are kept, progress, and how to stop. */
  readonly tuning?: TuneOptions;
}

export interface CheckpointOptions extends ModelInfo {
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Trains a classifier on one device: owns its variables, compiles a step for each batch size it meets, and
 * runs epochs, evaluations and predictions.
 */
export class Trainer {
  readonly model: Model;
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  readonly seed: number;
  /** Optimizer steps done. */
  step = 0;
  /** Epochs done, including evaluation; a run stopped during an evaluation resumes with it. */
  epoch = 0;
  /** The buffers that outlive a step. */
  readonly variables: Variables;
  /** The options it was created with. */
  readonly options: TrainerOptions;
  readonly #microBatchSize: number;
  readonly #compiled = new Map<string, Promise<Compiled>>();
  #main!: Compiled;

  /** Builds the model's graph, plans and compiles its training step, and draws the initial weights. */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const trainer = new Trainer(options);
    const { gpu, model, tune = "cached", tuning } = options;
    const batchSize = trainer.#microBatchSize;
    await prepareTuning(gpu, model, tune, { ...options, ...tuning, batchSize });
    trainer.#main = await trainer.#compile("train", batchSize);
    const { parameters, states, lossScale } = trainer.#main.graph;
    trainer.variables.initialize([...parameters, ...states, ...(lossScale ? [lossScale] : [])], trainer.seed);
    return trainer;
  }

  private constructor(options: TrainerOptions) {
    const { gpu, model, optimizer, batchSize, microBatches = 1, seed = 0 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new DataError(`Trainer: batchSize must be a positive whole number — got ${batchSize}`);
    }
    if (!Number.isInteger(microBatches) || microBatches < 1 || batchSize % microBatches !== 0) {
      throw new DataError(
        `Trainer: microBatches must be a positive whole number that divides batchSize — got ` +
          `batchSize ${batchSize}, microBatches ${microBatches}`,
      );
    }
    this.options = options;
    this.#microBatchSize = batchSize / microBatches;
    this.variables = new Variables(gpu);
    this.model = model;
    this.optimizer = optimizer;
    this.batchSize = batchSize;
    this.seed = seed;
  }

  /** The plan of a full training step or, with micro-batches, of the part that each of them goes through. */
  get plan(): Plan {
    return this.#main.session.plan;
  }

  /** Parameters and running statistics, for `loadWeights`, `saveWeights` and `saveModel`. */
  get weights(): readonly Variable[] {
    const { graph } = this.#main;
    return [...graph.parameters, ...graph.states];
  }

  /** Weights and the optimizer's moments: all tensors of a checkpoint. */
  get saved(): readonly Variable[] {
    return [...this.weights, ...this.#main.moments];
  }

  /** Number of trainable values in the model. */
  get parameterCount(): number {
    return countNumbers(this.#main.graph.parameters.filter(({ trainable }) => trainable));
  }

  /**
   * Trains until `epochs` are done, counted from the run's first step. The last batch of an epoch may be smaller.
   * Rejects with a DataError if the data do not fit the model, and with a NonFiniteError if the loss is not finite.
   */
  async fit(dataset: Dataset, options: FitOptions): Promise<History> {
    const { epochs, validation, signal, onEpoch, onEvaluate, earlyStopping } = options;
    this.check(dataset);
    if (validation) this.check(validation);
    const loader = new BatchLoader(dataset, { batchSize: this.batchSize, seed: this.seed });
    const steps: StepInfo[] = [];
    const done: EpochInfo[] = [];
    let best = Number.POSITIVE_INFINITY;
    let worse = 0;
    while (true) {
      const trained = Math.floor(this.step / loader.batchesPerEpoch);
      if (this.epoch === trained) {
        if (trained >= epochs) break;
        steps.push(...(await this.#epoch(loader, options)));
      }
      if (validation) {
        const { loss, accuracy } = await this.evaluate(validation, {
          ...(signal && { signal }),
          ...(onEvaluate && { onProgress: onEvaluate }),
        });
        const info = { epoch: this.epoch + 1, testLoss: loss, testAccuracy: accuracy };
        this.epoch++;
        done.push(info);
        await onEpoch?.(info);
        worse = loss < best - (earlyStopping?.minDelta ?? 0) ? 0 : worse + 1;
        best = Math.min(best, loss);
        if (earlyStopping && worse >= earlyStopping.patience)
          return { steps, epochs: done, stoppedEarly: true };
      } else {
        this.epoch++;
      }
    }
    return { steps, epochs: done, stoppedEarly: false };
  }

  /** Loss and accuracy over a data set, with running statistics and without dropout. */
  async evaluate(
    dataset: Dataset,
    options: {
      readonly signal?: AbortSignal;
      readonly onProgress?: (done: number, total: number) => void;
    } = {},
  ): Promise<Evaluation> {
    this.check(dataset);
    let lossSum = 0;
    let weightSum = 0;
    let correct = 0;
    let counted = 0;
    let done = 0;
    await this.#runEvaluation(dataset, options.signal, ({ loss }, size) => {
      lossSum += loss![1]!;
      weightSum += loss![2]!;
      correct += loss![3]!;
      counted += loss![4]!;
      done += size;
      options.onProgress?.(done, dataset.length);
    });
    return { loss: lossSum / weightSum, accuracy: correct / counted, examples: counted };
  }

  /** Class probabilities (N, classes), row by row, of the images of a data set. */
  async predict(
    dataset: Dataset,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    this.check(dataset);
    const { classes } = this.model;
    const probabilities = new Float32Array(dataset.length * classes);
    let at = 0;
    await this.#runEvaluation(dataset, options.signal, (outputs, size) => {
      probabilities.set(outputs.probabilities!.subarray(0, size * classes), at);
      at += size * classes;
    });
    return probabilities;
  }

  /**
   * A safetensors file from which `restore` continues bit for bit, and which `loadModel` reads too. It includes
   * `metadata` and labels.
   */
  checkpoint(options: CheckpointOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { metadata, ...info } = options;
    const position = { step: this.step, epoch: this.epoch, seed: this.seed, optimizer: this.optimizer.name };
    return saveCheckpoint(this.variables, this.saved, position, {
      ...metadata,
      ...describeModel(this.model, info),
    });
  }

  /** Loads weights, statistics, moments and step. Throws WeightsError, changing nothing, if the file does not fit. */
  restore(file: Uint8Array, source = "checkpoint"): void {
    const expected = { optimizer: this.optimizer.name, seed: this.seed };
    const { step, epoch } = loadCheckpoint(this.variables, this.saved, expected, file, source);
    this.step = step;
    this.epoch = epoch;
  }

  /**
   * In mixed precision, the factor of the loss that keeps gradients from vanishing, and the number of steps skipped
   * because it was too large. Undefined in f32, and if nothing trains.
   */
  async lossScale(): Promise<{ readonly scale: number; readonly skipped: number } | undefined> {
    const scale = this.#main.moments.find((moment) => moment === this.#main.graph.lossScale);
    if (!scale) return undefined;
    const [values] = await this.variables.read([scale.tensor]);
    return { scale: values![0]!, skipped: values![2]! };
  }

  /** Throws DataError unless the image shape and number of classes of a data set match the model's. */
  check(dataset: Dataset): void {
    const { name, inputShape, classes } = this.model;
    if (dataset.shape.join() !== inputShape.join()) {
      throw new DataError(
        `${name}: expects images (${inputShape.join(", ")}), ${dataset.name} has (${dataset.shape.join(", ")})`,
      );
    }
    if (dataset.classes.length !== classes) {
      throw new DataError(`${name}: has ${classes} classes, ${dataset.name} has ${dataset.classes.length}`);
    }
  }

  /** Frees all GPU memory of this trainer; the device stays open. */
  async destroy(): Promise<void> {
    for (const compiled of this.#compiled.values()) {
      const { session, update } = await compiled;
      session.destroy();
      update?.session.destroy();
    }
    this.variables.destroy();
  }

  /** Trains the rest of the current epoch. */
  async #epoch(loader: BatchLoader, { epochs, signal, onStep }: FitOptions): Promise<StepInfo[]> {
    const totalSteps = epochs * loader.batchesPerEpoch;
    const schedule = this.options.schedule ?? constant();
    const epoch = Math.floor(this.step / loader.batchesPerEpoch);
    const results: StepInfo[] = [];
    const inFlight = new InFlight();
    let before = performance.now();
    for (let index = this.step % loader.batchesPerEpoch; index < loader.batchesPerEpoch; index++) {
      if (signal?.aborted) break;
      // While the GPU works on the previous step, the host cuts out and normalises the next batch.
      const batch = loader.batch(epoch, index);
      const learningRate = this.optimizer.learningRate * schedule(this.step, totalSteps);
      const step = this.step + 1;
      const { result } = await this.#submit(batch, { step, seed: this.seed, learningRate });
      this.step = step;
      await inFlight.add(result, async ({ loss, correct }) => {
        const now = performance.now();
        const info: StepInfo = {
          step,
          totalSteps,
          epoch: epoch + 1,
          loss,
          accuracy: correct / batch.size,
          learningRate,
          examples: batch.size,
          milliseconds: now - before,
        };
        before = now;
        if (!Number.isFinite(info.loss)) {
          throw new NonFiniteError(
            `the loss is ${info.loss} at step ${step} (learning rate ${learningRate.toPrecision(3)}) — ` +
              "try a smaller learning rate or clipping, or look for extreme values in the data",
          );
        }
        results.push(info);
        await onStep?.(info);
      });
    }
    await inFlight.settle();
    signal?.throwIfAborted();
    return results;
  }

  /** Resolves once the step is submitted; `result` is a separate promise, so that it is not awaited here. */
  async #submit(batch: Batch, live: Live) {
    const parts = microBatchesOf(batch, this.#microBatchSize, this.options);
    const compiled = await Promise.all(parts.map(({ size }) => this.#compile("train", size)));
    const { update } = this.#main;
    const outputs: Promise<Outputs>[] = [];
    const submit = async (session: Session, feeds: Feeds, scalars: Live): Promise<void> => {
      await session.ready();
      const output = session.submit(feeds, scalars);
      output.catch(() => {}); // Thrown when its turn comes.
      outputs.push(output);
    };
    if (update) this.variables.clear(update.gradients);
    for (const [i, { images, labels, first, share }] of parts.entries()) {
      await submit(compiled[i]!.session, { images, labels }, { ...live, first, share });
    }
    if (update) await submit(update.session, {}, live);
    const result = Promise.all(outputs).then((values) => {
      const sum = (of: (loss: ArrayLike<number>, share: number) => number): number =>
        parts.reduce((total, { share }, i) => total + of(values[i]!.loss!, share), 0);
      return { loss: sum((loss, share) => share * loss[0]!), correct: sum((loss) => loss[3]!) };
    });
    return { result };
  }

  /** Runs the evaluation graph over a data set in order. */
  async #runEvaluation(
    dataset: Dataset,
    signal: AbortSignal | undefined,
    take: (outputs: Outputs, size: number) => void,
  ): Promise<void> {
    const { session } = await this.#compile("eval", Math.min(this.#microBatchSize, dataset.length));
    const live = { step: this.step, seed: this.seed, learningRate: 0 };
    await runDataset(session, dataset, live, signal, take);
  }

  #compile(mode: Mode, size: number): Promise<Compiled> {
    const key = `${mode} ${size}`;
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      compiled = compileStep(this.options, this.variables, mode, size);
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }
}

import { making, Resource } from "../base/resource.ts";
import { type Batch, BatchLoader } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Variable } from "../graph/graph.ts";
import { countNumbers, type Model } from "../models/model.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import type { Plan } from "../plan/plan.ts";
import { describeModel } from "../predict/model-file.ts";
import { InFlight } from "../run/in-flight.ts";
import type { Outputs } from "../run/session.ts";
import { Variables } from "../run/variables.ts";
import { type Activations, readActivations } from "./activations.ts";
import { loadCheckpoint, type Progress, saveCheckpoint } from "./checkpoint.ts";
import {
  checkBatch,
  checkDataset,
  checkEvaluation,
  checkFit,
  checkLearningRate,
  checkSizes,
  checkStep,
} from "./checks.ts";
import type { Compiled } from "./compile.ts";
import { CompiledSteps } from "./compiled-steps.ts";
import { EvaluationSums } from "./evaluation-sums.ts";
import type {
  BatchInfo,
  CheckpointOptions,
  EpochInfo,
  Evaluation,
  FitOptions,
  History,
  StepInfo,
  TrainerOptions,
} from "./options.ts";
import { runDataset } from "./run-dataset.ts";
import { constant } from "./schedules.ts";
import type { IdleTuning } from "./tuning/idle-tuning.ts";
import type { Kernels } from "./tuning/kernels.ts";
import { prepareTuning } from "./tuning/tune.ts";

/**
 * Trains a classifier on one device: owns its variables, compiles a step for each batch size it meets, and
 * runs epochs, evaluations and predictions.
 *
 * Several calls at once: `evaluate`, `predict`, `activations`, `checkpoint` and `lossScale` only read, so they may be
 * called at any time, from the callbacks of `fit` too. They take turns; a `fit` waits for them between two of its steps.
 * `fit` rejects with a BusyError while another `fit` or a `trainStep` runs, and `trainStep` while a `fit` runs. What
 * changes weights from outside, `restore` and `loadWeights`, throws one while anything runs. `destroy` makes whatever
 * runs reject with a DestroyedError, and so does any later call.
 */
export class Trainer {
  readonly model: Model;
  readonly optimizer: Optimizer;
  /** Examples of a step. */
  readonly batchSize: number;
  /** Determines initial weights, order of examples, dropout and augmentation. */
  readonly seed: number;
  /** How far the run has come. */
  progress: Progress = { step: 0, epoch: 0, examples: 0, length: 0 };
  /** The buffers that outlive a step. */
  readonly variables: Variables;
  /** The options it was created with. */
  readonly options: TrainerOptions;
  readonly #steps: CompiledSteps;
  readonly #resource = new Resource("Trainer");
  #main!: Compiled;
  #idle: IdleTuning | undefined;
  /** Whether flags of the update may be raised, so that the next step has to clear them. */
  #raised = false;

  /** Builds the model's graph, plans and compiles its training step, and draws the initial weights. */
  static async create(options: TrainerOptions): Promise<Trainer> {
    return making(async (keep) => {
      const trainer = keep(new Trainer(options));
      const { gpu, model, tune = "idle", tuning } = options;
      const { batchSize } = trainer.#steps;
      trainer.#idle = await prepareTuning(gpu, model, tune, { ...options, ...tuning, batchSize });
      trainer.#main = await trainer.#steps.compile("train", batchSize);
      const { parameters, states, lossScale } = trainer.#main.graph;
      trainer.variables.initialize(
        [...parameters, ...states, ...(lossScale ? [lossScale] : [])],
        trainer.seed,
      );
      return trainer;
    });
  }

  private constructor(options: TrainerOptions) {
    const { gpu, model, optimizer, batchSize, seed = 0 } = options;
    checkSizes(options);
    this.options = options;
    this.variables = new Variables(gpu);
    this.#steps = new CompiledSteps(options, this.variables);
    this.model = model;
    this.optimizer = optimizer;
    this.batchSize = batchSize;
    this.seed = seed;
  }

  /** Optimizer steps done. */
  get step(): number {
    return this.progress.step;
  }

  /** Epochs done, including evaluation; a run stopped during an evaluation resumes with it. */
  get epoch(): number {
    return this.progress.epoch;
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

  /** The measured choices that all its plans are made with; for `TrainerOptions.kernels`. */
  get kernels(): Kernels {
    return this.#steps.kernels;
  }

  /** Number of trainable values in the model. */
  get parameterCount(): number {
    return countNumbers(this.#main.graph.parameters.filter(({ trainable }) => trainable));
  }

  /**
   * Trains until `epochs` are done in the whole life of this trainer, whatever data they were on; an epoch is one pass
   * over the data set given here. The last batch of an epoch may be smaller. An epoch that was interrupted goes on at
   * the next example, with another batch size too, but begins anew if the data set now has another length.
   *
   * Rejects with a DataError if the data do not fit the model, with a NonFiniteError if loss, gradients or weights, or
   * the loss of an evaluation, are not finite, and with a BusyError while another `fit` runs.
   */
  async fit(dataset: Dataset, options: FitOptions): Promise<History> {
    this.check(dataset);
    if (options.validation) this.check(options.validation);
    checkFit(options);
    const loader = new BatchLoader(dataset, { batchSize: this.batchSize, seed: this.seed });
    const fit = () => this.#fit(loader, options);
    const goesOn = () => this.step === options.maxSteps || options.signal?.aborted === true;
    return this.#resource.run(() =>
      this.variables.turns.run("fit", () => this.#idle?.during(fit, goesOn) ?? fit()),
    );
  }

  async #fit(loader: BatchLoader, options: FitOptions): Promise<History> {
    const { epochs, validation, signal, onEpoch, onEvaluate, earlyStopping } = options;
    const steps: StepInfo[] = [];
    const done: EpochInfo[] = [];
    let best = Number.POSITIVE_INFINITY;
    let worse = 0;
    while (this.epoch < epochs) {
      steps.push(...(await this.#epoch(loader, options)));
      if (this.progress.examples < loader.length) break; // It has done `maxSteps`.
      const epoch = this.epoch + 1;
      let info: EpochInfo | undefined;
      if (validation) {
        const { loss, accuracy, confusion } = await this.evaluate(validation, {
          ...(signal && { signal }),
          ...(onEvaluate && { onProgress: onEvaluate }),
        });
        info = { epoch, testLoss: loss, testAccuracy: accuracy, confusion };
        checkEvaluation(`epoch ${epoch}`, loss);
      }
      this.progress = { ...this.progress, epoch, examples: 0 };
      if (!info) continue;
      done.push(info);
      await onEpoch?.(info);
      worse = info.testLoss < best - (earlyStopping?.minDelta ?? 0) ? 0 : worse + 1;
      best = Math.min(best, info.testLoss);
      if (earlyStopping && worse >= earlyStopping.patience)
        return { steps, epochs: done, stoppedEarly: true };
    }
    return { steps, epochs: done, stoppedEarly: false };
  }

  /**
   * Trains one step on a batch, as `fit` does, for loops of one's own. Steps take their turns in the order of the calls,
   * at most two in flight; call the next one before awaiting the last, so that the GPU does not wait. The batch must
   * stay unchanged until the step has resolved, as those of a BatchLoader do for two steps. It counts as a step, but not
   * towards epochs, which are `fit`'s.
   *
   *     const loader = new BatchLoader(train, { batchSize: trainer.batchSize, seed: trainer.seed });
   *     for (let i = 0; i < loader.batchesPerEpoch; i++) console.log(await trainer.trainStep(loader.batch(0, i)));
   *
   * `learningRate` is that of this step, by default the optimizer's; the schedule is for `fit`, which knows the number
   * of steps. Rejects with a DataError if batch or rate do not fit, with a NonFiniteError as `fit` does, and with a
   * BusyError while a `fit` runs.
   */
  async trainStep(batch: Batch, options: { readonly learningRate?: number } = {}): Promise<BatchInfo> {
    this.#resource.check();
    const { learningRate = this.optimizer.learningRate } = options;
    checkBatch(batch, this.model, this.batchSize);
    checkLearningRate("trainStep", learningRate);
    return this.#resource.run(() =>
      this.variables.turns.run("trainStep", () => this.#trainStep(batch, learningRate), true),
    );
  }

  async #trainStep(batch: Batch, learningRate: number): Promise<BatchInfo> {
    const { cleared, result } = await this.variables.turn("trainStep", async () => {
      const step = this.step + 1;
      const cleared = this.#raised ? this.variables.clear(this.#main.flags) : undefined;
      cleared?.catch(() => {}); // Thrown when its turn comes.
      this.#raised = false;
      const { result } = await this.#steps.submit(batch, { step, seed: this.seed, learningRate });
      this.progress = { ...this.progress, step };
      return { cleared, result };
    });
    await cleared;
    const { info, nonFinite = [] } = await result;
    this.#raised ||= Array.from(nonFinite).some(Boolean);
    checkStep(info, nonFinite);
    return info;
  }

  /** Loss, accuracy and confusion matrix over a data set, with running statistics and without dropout. */
  async evaluate(
    dataset: Dataset,
    options: {
      readonly signal?: AbortSignal;
      readonly onProgress?: (done: number, total: number) => void;
    } = {},
  ): Promise<Evaluation> {
    this.check(dataset);
    const sums = new EvaluationSums(dataset.labels, this.model.classes);
    await this.#runEvaluation("evaluate", dataset, options.signal, (outputs, size) => {
      sums.add(outputs, size);
      options.onProgress?.(sums.done, dataset.length);
    });
    return sums.evaluation;
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
    await this.#runEvaluation("predict", dataset, options.signal, (outputs, size) => {
      probabilities.set(outputs.probabilities!.subarray(0, size * classes), at);
      at += size * classes;
    });
    return probabilities;
  }

  /**
   * What layers make of the images of a data set, by the labels of `layersOf`: at the end of the layer, after its sum and
   * activation, with running statistics and without dropout. What the last two choices of layers and batch sizes need
   * stays compiled. Rejects with a ShapeError for a label that the model lacks.
   */
  async activations(
    dataset: Dataset,
    layers: readonly string[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Readonly<Record<string, Activations>>> {
    this.check(dataset);
    return this.#turn("activations", async () => {
      const session = await this.#steps.activations(layers, dataset.length);
      return readActivations(session, dataset, options.signal);
    });
  }

  /**
   * A safetensors file from which `restore` continues bit for bit, and which `loadModel` reads too. It includes
   * `metadata` and labels. Rejects with a NonFiniteError if a weight, statistic or moment is NaN or infinite.
   */
  async checkpoint(options: CheckpointOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    this.#resource.check();
    const { metadata, ...info } = options;
    const { seed, optimizer } = this;
    return this.#turn("checkpoint", (variables) =>
      saveCheckpoint(
        variables,
        this.saved,
        { ...this.progress, seed, optimizer: optimizer.name },
        {
          ...metadata,
          ...describeModel(this.model, info),
        },
      ),
    );
  }

  /**
   * Loads weights, statistics, moments and progress. Changes nothing if it throws: WeightsError for a file that does not
   * fit, BusyError while anything runs.
   */
  restore(file: Uint8Array, source = "checkpoint"): void {
    this.#resource.check();
    this.variables.turns.checkFree("restore");
    const expected = { optimizer: this.optimizer.name, seed: this.seed };
    this.progress = loadCheckpoint(this.variables, this.saved, expected, file, source);
  }

  /**
   * In mixed precision, the factor of the loss that keeps gradients from vanishing, and the number of steps skipped
   * because it was too large. Undefined in f32, and if nothing trains.
   */
  async lossScale(): Promise<{ readonly scale: number; readonly skipped: number } | undefined> {
    this.#resource.check();
    const scale = this.#main.moments.find((moment) => moment === this.#main.graph.lossScale);
    if (!scale) return undefined;
    const [values] = await this.#turn("lossScale", ({ read }) => read([scale.tensor]));
    return { scale: values![0]!, skipped: values![2]! };
  }

  /** Throws DataError unless the images and labels of a data set fit the model. */
  check(dataset: Dataset): void {
    this.#resource.check();
    checkDataset(dataset, this.model);
  }

  /** Frees all GPU memory of this trainer, once what is being compiled is ready to be freed; the device stays open. */
  async destroy(): Promise<void> {
    this.#resource.end();
    this.variables.destroy();
    await this.#idle?.stop();
    await this.#steps.destroy();
  }

  /** Runs `work` when nothing else uses the variables. */
  #turn<T>(name: string, work: (variables: Pick<Variables, "read">) => Promise<T>): Promise<T> {
    return this.#resource.run(() => this.variables.turn(name, work));
  }

  /** Trains the rest of the current epoch. */
  async #epoch(loader: BatchLoader, options: FitOptions): Promise<StepInfo[]> {
    const { epochs, maxSteps = Infinity, signal, onStep } = options;
    const { batchSize, seed, optimizer } = this;
    const { learningRate: peak = optimizer.learningRate } = options;
    const { length, batchesPerEpoch } = loader;
    const { epoch } = this;
    if (this.progress.length !== length) this.progress = { ...this.progress, examples: 0, length };
    const left = Math.ceil((length - this.progress.examples) / batchSize);
    const totalSteps = this.step + left + (epochs - epoch - 1) * batchesPerEpoch;
    const schedule = this.options.schedule ?? constant();
    const results: StepInfo[] = [];
    const inFlight = new InFlight();
    const cleared = this.variables.clear(this.#main.flags);
    cleared.catch(() => {}); // Thrown when its turn comes.
    this.#raised = true; // Until the last step in flight has been looked at.
    let before = performance.now();
    while (this.progress.examples < length && this.step < maxSteps) {
      if (signal?.aborted) break;
      const idle = this.#idle;
      if (idle?.ready) await this.variables.turn("tuning", () => idle.work());
      const { examples } = this.progress;
      // While the GPU works on the previous step, the host cuts out and normalises the next batch.
      const batch = loader.batchAt(epoch, examples);
      const learningRate = peak * schedule(this.step, totalSteps);
      const step = this.step + 1;
      const { result } = await this.variables.turn("fit", async () => {
        const submitted = await this.#steps.submit(batch, { step, seed, learningRate });
        this.progress = { step, epoch, examples: examples + batch.size, length };
        return submitted;
      });
      await inFlight.add(result, async ({ info: told, nonFinite }) => {
        const now = performance.now();
        const info: StepInfo = { ...told, totalSteps, epoch: epoch + 1, milliseconds: now - before };
        before = now;
        checkStep(info, nonFinite);
        results.push(info);
        await onStep?.(info);
      });
    }
    await cleared;
    await inFlight.settle();
    this.#raised = false;
    signal?.throwIfAborted();
    return results;
  }

  /** Runs the evaluation graph over a data set in order. */
  async #runEvaluation(
    name: string,
    dataset: Dataset,
    signal: AbortSignal | undefined,
    take: (outputs: Outputs, size: number) => void,
  ): Promise<void> {
    await this.#turn(name, async () => {
      await runDataset(await this.#steps.evaluation(dataset.length), dataset, signal, take);
    });
  }
}

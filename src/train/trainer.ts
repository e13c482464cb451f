import { DataError } from "../base/errors.ts";
import { making, Resource } from "../base/resource.ts";
import { isDataset } from "../data/dataset.ts";
import { type Loader, limited } from "../data/loader.ts";
import type { DataSource } from "../data/source.ts";
import type { Variable } from "../graph/graph.ts";
import { countNumbers, type Model } from "../models/model.ts";
import { type AnyNetwork, isClassifier } from "../models/network.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import type { Plan } from "../plan/plan.ts";
import { describeModel } from "../predict/model-file.ts";
import { Variables } from "../run/variables.ts";
import type { WeightsTarget } from "../weights/load.ts";
import { loadCheckpoint, type Progress, saveCheckpoint } from "./checkpoint.ts";
import { checkFit, checkLearningRate, checkSizes, checkStep } from "./checks.ts";
import type { Compiled } from "./compile.ts";
import { CompiledSteps } from "./compiled-steps.ts";
import type { Activations } from "./evaluation/activations.ts";
import { type EvaluateOptions, Evaluator } from "./evaluation/evaluator.ts";
import { batchOf, checkData, loaderOf } from "./feed/batches.ts";
import { type FitHost, newRun, runFit } from "./fit.ts";
import { type Fed, type Mode, type Objective, objectiveOf } from "./objective.ts";
import type {
  BatchInfo,
  BatchOf,
  CheckpointOptions,
  DataOf,
  Evaluation,
  FitOptions,
  History,
  MetricValues,
  PredictionOf,
  StepNumbers,
  Told,
  TrainerOptions,
} from "./options.ts";
import { type Profile, profileOf } from "./profile.ts";
import type { IdleTuning } from "./tuning/idle-tuning.ts";
import type { Kernels } from "./tuning/kernels.ts";
import { prepareTuning } from "./tuning/tune.ts";
/**
 * Trains a network on one device, a classifier of images or any other (`Network`): owns its variables, compiles a step for
 * each batch size it meets, and runs epochs, evaluations and predictions.
 *
 * Several calls at once: `evaluate`, `predict`, `activations`, `gradients`, `checkpoint` and `lossScale` only read, so they may be
 * called at any time, from the callbacks of `fit` too. They take turns; a `fit` waits for them between two of its steps.
 * `fit` rejects with a BusyError while another `fit` or a `trainStep` runs, and `trainStep` while a `fit` runs. What
 * changes weights from outside, `restore` and `loadWeights`, throws one while anything runs. `destroy` makes whatever
 * runs reject with a DestroyedError, and so does any later call.
 */
export class Trainer<M extends AnyNetwork = Model, V extends MetricValues = MetricValues> {
  readonly model: M;
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
  readonly options: TrainerOptions<M, V>;
  readonly #objective: Objective;
  readonly #steps: CompiledSteps;
  readonly #evaluator: Evaluator;
  readonly #resource = new Resource("Trainer");
  #main!: Compiled;
  #idle: IdleTuning | undefined;
  readonly #state = newRun();
  readonly #usesAverages = (): boolean => this.options.ema !== undefined && this.step > 0;

  /** Builds the network's graph, plans and compiles its training step, and draws the initial weights. */
  static async create<M extends AnyNetwork = Model, V extends MetricValues = MetricValues>(
    options: TrainerOptions<M, V>,
  ): Promise<Trainer<M, V>> {
    return making(async (keep) => {
      const trainer = keep(new Trainer<M, V>(options));
      const { gpu, model, tune = "idle", tuning, ...given } = options as TrainerOptions<AnyNetwork>;
      const { batchSize } = trainer.#steps;
      trainer.#idle = await prepareTuning(gpu, model, tune, { ...given, ...tuning, batchSize });
      trainer.#main = await trainer.#steps.compile("train", batchSize);
      const { parameters, states, lossScale } = trainer.#main.graph;
      const drawn = [...parameters, ...states, ...(lossScale ? [lossScale] : [])];
      trainer.variables.initialize(drawn, trainer.seed);
      return trainer;
    });
  }

  private constructor(options: TrainerOptions<M, V>) {
    const { gpu, model, optimizer, batchSize, metrics = {}, seed = 0 } = options;
    checkSizes(options);
    const objective = objectiveOf(options as TrainerOptions<AnyNetwork>);
    this.#objective = objective;
    this.options = options;
    this.variables = new Variables(gpu);
    this.#steps = new CompiledSteps(options as TrainerOptions<AnyNetwork>, objective, this.variables);
    this.#evaluator = new Evaluator(objective, this.#steps, this.variables, metrics, this.#usesAverages);
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

  /**
   * With `ema`, the averages in place of the weights, for `saveWeights` and, of a classifier, `saveModel`; zeros before
   * the first step. Undefined without.
   */
  get averaged(): (WeightsTarget & { readonly model: M }) | undefined {
    const { ema } = this.options;
    if (!ema) return undefined;
    const weights = ema.of(this.weights, this.#main.moments);
    return { model: this.model, weights, variables: this.variables };
  }

  /** Weights and the optimizer's moments: all tensors of a checkpoint. */
  get saved(): readonly Variable[] {
    return [...this.weights, ...this.#main.moments];
  }

  /** The measured choices that all its plans are made with; for `TrainerOptions.kernels`. */
  get kernels(): Kernels {
    return this.#steps.kernels;
  }

  /** Number of trainable values in the network. */
  get parameterCount(): number {
    return countNumbers(this.#main.graph.parameters.filter(({ trainable }) => trainable));
  }

  /** How many of `length` examples an epoch of `fit` trains on: all, or all but one. */
  examplesPerEpoch(length: number): number {
    this.#resource.check();
    return this.#steps.examplesPerEpoch(length);
  }

  /**
   * Trains until `epochs` are done in the whole life of this trainer, whatever data they were on; an epoch is one pass
   * over the data given here. The last batch of an epoch may be smaller; an example that would be alone in it is left out,
   * another one each epoch, if the network has a batch norm over one pixel, which cannot train on one. An epoch that was
   * interrupted goes on at the next example, with another batch size too, but begins anew if the data now have another length.
   *
   * Rejects with a DataError if the data do not fit the network, with a NonFiniteError if loss, gradients or weights, or
   * the loss of an evaluation, are not finite, and with a BusyError while another `fit` runs.
   */
  async fit(data: DataOf<M>, options: FitOptions<M, V>): Promise<History<M, V>> {
    const given = options as unknown as FitOptions<AnyNetwork>;
    const all = this.#load("fit", data, "train", options.signal);
    const loader = limited(all, this.examplesPerEpoch(all.length));
    const { validation, signal, onEvaluate } = given;
    if (validation) checkData(this.#objective, validation);
    checkFit(given);
    const host: FitHost = {
      trainer: this as unknown as Trainer<AnyNetwork>,
      ...{ steps: this.#steps, main: this.#main, idle: this.#idle, state: this.#state },
      evaluate: () =>
        this.#evaluator.evaluate(this.#load("evaluate", validation!, "eval", signal), {
          ...(signal && { signal }),
          ...(onEvaluate && { onProgress: onEvaluate }),
        }),
    };
    const fit = () => runFit(host, loader, given);
    const goesOn = () => this.step === options.maxSteps || options.signal?.aborted === true;
    const history: Promise<unknown> = this.#resource.run(() =>
      this.variables.turns
        .run("fit", () => this.#idle?.during(fit, goesOn) ?? fit())
        .finally(() => loader.close()),
    );
    return history as Promise<History<M, V>>;
  }

  /**
   * Trains one step on a batch, as `fit` does, for loops of one's own. Steps take their turns in the order of the calls,
   * at most two in flight; call the next one before awaiting the last, so that the GPU does not wait. The batch must
   * stay unchanged until the step has resolved, as those of a BatchLoader do for two steps; of a network that is no
   * classifier, it holds values by name. It counts as a step, but not towards epochs, which are `fit`'s.
   *
   *     const loader = new BatchLoader(train, { batchSize: trainer.batchSize, seed: trainer.seed });
   *     for (let i = 0; i < loader.batchesPerEpoch; i++) console.log(await trainer.trainStep(loader.batch(0, i)));
   *
   * `learningRate` is that of this step, by default the optimizer's; the schedule is for `fit`, which knows the number
   * of steps. Rejects with a DataError if batch or rate do not fit, with a NonFiniteError as `fit` does, and with a
   * BusyError while a `fit` runs.
   */
  async trainStep(
    batch: BatchOf<M>,
    options: { readonly learningRate?: number } = {},
  ): Promise<Told<M, BatchInfo>> {
    this.#resource.check();
    const { learningRate = this.optimizer.learningRate } = options;
    const fed = batchOf("trainStep", this.#objective, batch, this.batchSize);
    checkLearningRate("trainStep", learningRate);
    const info = this.#resource.run(() =>
      this.variables.turns.run("trainStep", () => this.#trainStep(fed, learningRate), true),
    );
    return info as Promise<unknown> as Promise<Told<M, BatchInfo>>;
  }

  async #trainStep(batch: Fed, learningRate: number): Promise<StepNumbers> {
    const { cleared, result } = await this.variables.turn("trainStep", async () => {
      const { step, cleared } = this.#beginStep();
      const { result } = await this.#steps.submit(batch, { step, seed: this.seed, learningRate });
      this.progress = { ...this.progress, step };
      return { cleared, result };
    });
    await cleared;
    const { info, nonFinite = [] } = await result;
    this.#state.raised ||= Array.from(nonFinite).some(Boolean);
    checkStep(info, nonFinite);
    return info;
  }

  /** The number of the next step, once flags that the last one raised are cleared. */
  #beginStep(): { readonly step: number; readonly cleared: Promise<void> | undefined } {
    const cleared = this.#state.raised ? this.variables.clear(this.#main.flags) : undefined;
    cleared?.catch(() => {}); // Thrown when its turn comes.
    this.#state.raised = false;
    this.#state.hasGradients = true;
    return { step: this.step + 1, cleared };
  }

  /**
   * Trains one step on a batch as `trainStep` does, with each launch between two timestamps, and tells how long each
   * took on the GPU; `describeProfile` makes a table of it. Browsers round timestamps (Chrome to 0.1 ms). The first step
   * of a run is slower than later ones. With micro-batches, launches are those of all of them. Rejects with a DeviceError
   * where the device lacks the feature `timestamp-query`, before it trains.
   */
  async profile(batch: BatchOf<M>, options: { readonly learningRate?: number } = {}): Promise<Profile> {
    this.#resource.check();
    const { learningRate = this.optimizer.learningRate } = options;
    const fed = batchOf("profile", this.#objective, batch, this.batchSize);
    checkLearningRate("profile", learningRate);
    const step = async (): Promise<Profile> => {
      const { step, cleared } = this.#beginStep();
      const launches = await this.#steps.profile(fed, { step, seed: this.seed, learningRate });
      this.#state.raised = true; // Nobody has looked.
      this.progress = { ...this.progress, step };
      await cleared;
      return profileOf(launches);
    };
    return this.#resource.run(() => this.variables.turns.run("profile", () => this.#turn("profile", step)));
  }

  /**
   * The gradients of the loss in the last step, before clipping and weight decay, of each parameter that trains, by name
   * and in the order of its shape, without padding. With a learning rate of 0, `trainStep` computes those of any batch
   * and leaves the weights. Rejects with a DataError before the first step and after `restore`.
   */
  async gradients(): Promise<Readonly<Record<string, Float32Array<ArrayBuffer>>>> {
    this.#resource.check();
    const { gradients, graph } = this.#main;
    return this.#turn("gradients", async ({ read }) => {
      if (!this.#state.hasGradients)
        throw new DataError("gradients: no step has been trained — call trainStep or fit first");
      const scale = graph.lossScale && (await read([graph.lossScale.tensor]))[0]![3]!;
      const values = await read([...gradients.values()]);
      return Object.fromEntries(
        [...gradients.keys()].map((name, i) => [name, scale ? values[i]!.map((g) => g / scale) : values[i]!]),
      );
    });
  }

  /**
   * The loss over all examples, what `metrics` say, and of a classifier accuracy and confusion matrix, with running
   * statistics and without dropout.
   */
  async evaluate(data: DataOf<M>, options: EvaluateOptions = {}): Promise<Told<M, Evaluation<V>>> {
    const loader = this.#load("evaluate", data, "eval", options.signal);
    const evaluation: Promise<unknown> = this.#resource.run(() => this.#evaluator.evaluate(loader, options));
    return evaluation as Promise<Told<M, Evaluation<V>>>;
  }

  /**
   * Class probabilities (N, classes), row by row, of the images of a data set; or a network's outputs (N, …) by name, of
   * inputs by name, without targets.
   */
  async predict(data: DataOf<M>, options: { readonly signal?: AbortSignal } = {}): Promise<PredictionOf<M>> {
    // Of a data set in memory, a classifier's evaluation has all that is needed: nothing else is compiled.
    const whole =
      isClassifier(this.model) && isDataset(data as DataSource) && this.#objective.ignored !== undefined;
    const mode = whole ? "eval" : "predict";
    const loader = this.#load("predict", data, mode, options.signal);
    const values = await this.#resource.run(() => this.#evaluator.predict(loader, mode, options.signal));
    return (isClassifier(this.model) ? values.probabilities : values) as PredictionOf<M>;
  }

  /** The buffers of the weights that evaluations take, or of their averages, for `Predictor.of`. */
  evaluated(): Promise<Pick<Variables, "buffer">> {
    return this.#resource.run(() => this.#steps.evaluated(this.#usesAverages()));
  }

  /**
   * What layers make of examples, by the labels of `layersOf`: at the end of the layer, after its sum and
   * activation, with running statistics and without dropout. What the last two choices of layers and batch sizes need
   * stays compiled. Rejects with a ShapeError for a label that the model lacks.
   */
  async activations(
    data: DataOf<M>,
    layers: readonly string[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Readonly<Record<string, Activations>>> {
    const loader = this.#load("activations", data, "predict", options.signal);
    return this.#resource.run(() => this.#evaluator.activations(loader, layers, options.signal));
  }

  /**
   * A safetensors file from which `restore` continues bit for bit, and which of a classifier `loadModel` reads too. It includes
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
          ...(isClassifier(this.model) && describeModel(this.model, info)),
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
    Object.assign(this.#state, newRun(), { raised: this.#state.raised });
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

  /** Throws DataError unless the examples fit the network. */
  check(data: DataOf<M>): void {
    this.#resource.check();
    checkData(this.#objective, data);
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

  /** Batches of these data, checked. */
  #load(operation: string, data: DataOf<AnyNetwork>, mode: Mode, signal: AbortSignal | undefined): Loader {
    this.#resource.check();
    const shuffle = mode === "train";
    const batchSize = shuffle ? this.batchSize : this.#steps.batchSize;
    const options = { batchSize, seed: this.seed, shuffle, ...(signal && { signal }) };
    return loaderOf(operation, this.#objective, data, options, mode);
  }
}

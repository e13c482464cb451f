import { DataError, ShapeError } from "../base/errors.ts";
import { making, Resource } from "../base/resource.ts";
import type { Gpu } from "../gpu/device.ts";
import { Graph, type Precision, type Variable } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import { pad } from "../graph/tensor.ts";
import { asActivations } from "../layers/index.ts";
import { frozenIn, type Model, probabilitiesOf } from "../models/model.ts";
import { type AnyNetwork, buildOutputs, inputsOf, isClassifier } from "../models/network.ts";
import { InFlight } from "../run/in-flight.ts";
import { type ImageSource, Preprocessor } from "../run/preprocessor.ts";
import { type Feeds, openSession, type Session } from "../run/session.ts";
import { Variables } from "../run/variables.ts";

/** The network, its GPU, and how many examples go through it at once. */
export interface PredictorOptions<M extends AnyNetwork = Model> {
  readonly gpu: Gpu;
  /** A classifier of images, or any network. */
  readonly model: M;
  /** Examples that the GPU processes at once. Default 1. */
  readonly batchSize?: number;
}

/** Who holds the weights that a predictor shares: a Trainer. */
export interface PredictorSource<M extends AnyNetwork = Model> {
  readonly model: M;
  /** What does not train lies in arenas of its own. */
  readonly options: {
    readonly gpu: Gpu;
    readonly precision?: Precision;
    readonly frozen?: (name: string) => boolean;
  };
  /** Parameters and running statistics. */
  readonly weights: readonly Variable[];
  readonly variables: Variables;
  /** The buffers of those that it evaluates with. */
  evaluated(): Promise<Pick<Variables, "buffer">>;
}

/** Examples by the names of a network's inputs: (N, …) without padding. */
export type NamedValues = Readonly<Record<string, Float32Array>>;

/**
 * Predicts with a trained network, whose weights are loaded into it. Calls take turns; while one runs, loading other
 * weights throws BusyError.
 */
export class Predictor<M extends AnyNetwork = Model> {
  readonly model: M;
  /** Examples that the GPU processes at once. */
  readonly batchSize: number;
  /** Parameters and running statistics, for `loadWeights` and `saveWeights`. */
  readonly weights: readonly Variable[];
  readonly variables: Variables;
  readonly #gpu: Gpu;
  readonly #session: Session;
  readonly #resource = new Resource("Predictor");
  /** Whether the variables end with it. */
  readonly #owns: boolean;
  #preprocessor: Promise<Preprocessor> | undefined;

  /** Plans and compiles the network. Its weights are zeros until some are loaded. */
  static async create<M extends AnyNetwork = Model>(options: PredictorOptions<M>): Promise<Predictor<M>> {
    const { gpu } = options;
    const graph = predictionGraph(options, "f32");
    return making(async (keep) => {
      const variables = keep(new Variables(gpu));
      const session = keep(await openSession(gpu, lowerForward(graph), variables));
      const weights = [...graph.parameters, ...graph.states];
      return new Predictor(options, { weights, variables }, session, true);
    });
  }

  /**
   * A predictor that shares a trainer's weights on the GPU, or their averages (`ema`), so that it is up to date with the
   * last step. It takes turns with whatever the trainer does; once that is destroyed, it rejects with a DestroyedError.
   */
  static async of<M extends AnyNetwork>(
    trainer: PredictorSource<M>,
    { batchSize = 1 }: Pick<PredictorOptions, "batchSize"> = {},
  ): Promise<Predictor<M>> {
    const { gpu, precision = "f32", frozen } = trainer.options;
    const options = { gpu, model: trainer.model, batchSize };
    const graph = predictionGraph(options, precision, frozen);
    const buffers = await trainer.evaluated();
    return new Predictor(options, trainer, await openSession(gpu, lowerForward(graph), buffers), false);
  }

  private constructor(
    { gpu, model, batchSize = 1 }: PredictorOptions<M>,
    { weights, variables }: Pick<PredictorSource<M>, "weights" | "variables">,
    session: Session,
    owns: boolean,
  ) {
    this.#gpu = gpu;
    this.model = model;
    this.batchSize = batchSize;
    this.weights = weights;
    this.variables = variables;
    this.#session = session;
    this.#owns = owns;
  }

  /**
   * Class probabilities, (N, classes) row by row, of images (N, H, W, C) that have been preprocessed for the model, which
   * sum to 1 unless it is a `multiLabel` one; or a network's outputs (N, …) by name, of its inputs by name. Throws DataError if `examples` is not a whole number of them.
   */
  async predict(
    examples: M extends Model ? Float32Array : NamedValues,
  ): Promise<
    M extends Model ? Float32Array<ArrayBuffer> : Readonly<Record<string, Float32Array<ArrayBuffer>>>
  > {
    this.#resource.check();
    const given = isClassifier(this.model) ? { images: examples as Float32Array } : (examples as NamedValues);
    const inputs = Object.entries(inputsOf(this.model)).map(([name, shape]) => {
      const each = shape.reduce((product, extent) => product * extent, 1);
      return { name, shape, each, values: given[name] };
    });
    const count = (inputs[0]!.values?.length ?? Number.NaN) / inputs[0]!.each;
    for (const { name, shape, each, values } of inputs) {
      if (values && Number.isInteger(count) && values.length === count * each) continue;
      throw new DataError(
        `${this.model.name}: expects ${name} (${shape.join(", ")}), ${each} values each — got ` +
          `${values?.length ?? "no"} values`,
      );
    }
    const outputs = await this.#run(count, (first, end) =>
      Object.fromEntries(
        inputs.map(({ name, shape, each, values }) => {
          const batch = new Float32Array(this.batchSize * each);
          batch.set(values!.subarray(first * each, end * each));
          return [name, pad(batch, shape)];
        }),
      ),
    );
    return (isClassifier(this.model) ? outputs.probabilities : outputs) as Awaited<
      ReturnType<Predictor<M>["predict"]>
    >;
  }

  /**
   * Class probabilities, (N, classes) row by row, of raw images, which go through the model's own preprocessing.
   * Throws ShapeError if the model has none, or is no classifier, and DataError for an image that cannot be used.
   */
  async classify(images: readonly ImageSource[]): Promise<Float32Array<ArrayBuffer>> {
    return this.#resource.run(async () => {
      const { model } = this;
      if (!isClassifier(model)) {
        throw new ShapeError("classify", "needs a classifier of images — use predict", model.name);
      }
      this.#preprocessor ??= Preprocessor.create(this.#gpu, model);
      // What failed once, such as for lack of memory, may work later.
      this.#preprocessor.catch(() => {
        this.#preprocessor = undefined;
      });
      const preprocessor = await this.#preprocessor;
      const outputs = await this.#run(images.length, (first, end) => ({
        images: preprocessor.input(images.slice(first, end)),
      }));
      return outputs.probabilities!;
    });
  }

  /**
   * Frees all GPU memory of this predictor; the device stays, and so do weights that it shares. What is being predicted
   * rejects with a DestroyedError.
   */
  destroy(): void {
    this.#resource.end();
    this.#session.destroy();
    if (this.#owns) this.variables.destroy();
    this.#preprocessor?.then(
      (preprocessor) => preprocessor.destroy(),
      () => {},
    );
  }

  /** Outputs of `count` examples; `input` gives those from `first` to before `end`, at most a batch. */
  #run(
    count: number,
    input: (first: number, end: number) => Feeds,
  ): Promise<Readonly<Record<string, Float32Array<ArrayBuffer>>>> {
    return this.variables.turn("predict", async () => {
      const all: Record<string, Float32Array<ArrayBuffer>> = {};
      for (const [name, { shape }] of this.#session.plan.outputs) {
        all[name] = new Float32Array(shape.slice(1).reduce((product, extent) => product * extent, count));
      }
      const inFlight = new InFlight();
      for (let first = 0; first < count; first += this.batchSize) {
        const end = Math.min(first + this.batchSize, count);
        await this.#session.ready();
        const feeds = input(first, end);
        const outputs = this.#session.submit(feeds, { step: 0, seed: 0, learningRate: 0 });
        await inFlight.add(outputs, (values) => {
          for (const [name, into] of Object.entries(all)) {
            const each = into.length / count;
            into.set(values[name]!.subarray(0, (end - first) * each), first * each);
          }
        });
      }
      await inFlight.settle();
      return all;
    });
  }
}

/** From a network's inputs to its outputs, a classifier's being probabilities. */
function predictionGraph(
  { gpu, model, batchSize = 1 }: PredictorOptions<AnyNetwork>,
  precision: Precision,
  frozen?: (name: string) => boolean,
): Graph {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new DataError(`Predictor: batchSize must be a positive whole number — got ${batchSize}`);
  }
  const graph = new Graph({ mode: "eval", precision, frozen: frozenIn(model, frozen), ...gpu.graphOptions });
  const inputs = Object.entries(inputsOf(model)).map(
    ([name, shape]) => [name, asActivations(graph.input(name, [batchSize, ...shape]))] as const,
  );
  const { logits, ...outputs } = buildOutputs(model, Object.fromEntries(inputs));
  if (isClassifier(model)) graph.output("probabilities", probabilitiesOf(model, logits!));
  else
    for (const [name, tensor] of Object.entries({ ...outputs, ...(logits && { logits }) }))
      graph.output(name, tensor);
  return graph;
}

import { DataError } from "../base/errors.ts";
import { making, Resource } from "../base/resource.ts";
import type { Gpu } from "../gpu/device.ts";
import { Graph, type Variable } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import { pad } from "../graph/tensor.ts";
import { softmax } from "../layers/index.ts";
import type { Model } from "../models/model.ts";
import { InFlight } from "../run/in-flight.ts";
import { type ImageSource, Preprocessor } from "../run/preprocessor.ts";
import { type Feeds, openSession, type Session } from "../run/session.ts";
import { Variables } from "../run/variables.ts";

/** The model, its GPU, and how many images go through it at once. */
export interface PredictorOptions {
  readonly gpu: Gpu;
  readonly model: Model;
  /** Images that the GPU processes at once. Default 1. */
  readonly batchSize?: number;
}

/**
 * Classifies images with a trained model, whose weights are loaded into it. Calls take turns; while one runs, loading
 * other weights throws BusyError.
 */
export class Predictor {
  readonly model: Model;
  /** Images that the GPU processes at once. */
  readonly batchSize: number;
  /** Parameters and running statistics, for `loadWeights` and `saveWeights`. */
  readonly weights: readonly Variable[];
  readonly variables: Variables;
  readonly #gpu: Gpu;
  readonly #session: Session;
  readonly #resource = new Resource("Predictor");
  #preprocessor: Promise<Preprocessor> | undefined;

  /** Plans and compiles the model. Its weights are zeros until some are loaded. */
  static async create(options: PredictorOptions): Promise<Predictor> {
    const { gpu, model, batchSize = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new DataError(`Predictor: batchSize must be a positive whole number — got ${batchSize}`);
    }
    const graph = new Graph({ mode: "eval", ...gpu.graphOptions });
    const images = graph.input("images", [batchSize, ...model.inputShape]);
    graph.output("probabilities", softmax(model.build(images)));
    return making(async (keep) => {
      const variables = keep(new Variables(gpu));
      const session = keep(await openSession(gpu, lowerForward(graph), variables));
      return new Predictor(gpu, model, batchSize, [...graph.parameters, ...graph.states], variables, session);
    });
  }

  private constructor(
    gpu: Gpu,
    model: Model,
    batchSize: number,
    weights: readonly Variable[],
    variables: Variables,
    session: Session,
  ) {
    this.#gpu = gpu;
    this.model = model;
    this.batchSize = batchSize;
    this.weights = weights;
    this.variables = variables;
    this.#session = session;
  }

  /**
   * Class probabilities, (N, classes) row by row, of images (N, H, W, C) that have been preprocessed for the model.
   * Throws DataError if `images` is not a whole number of images.
   */
  async predict(images: Float32Array): Promise<Float32Array<ArrayBuffer>> {
    this.#resource.check();
    const { inputShape, name } = this.model;
    const each = inputShape.reduce((product, extent) => product * extent, 1);
    const count = images.length / each;
    if (!Number.isInteger(count)) {
      throw new DataError(
        `${name}: expects images (${inputShape.join(", ")}), ${each} values each — got ${images.length} values`,
      );
    }
    return this.#run(count, (first, end) => {
      const batch = new Float32Array(this.batchSize * each);
      batch.set(images.subarray(first * each, end * each));
      return pad(batch, inputShape);
    });
  }

  /**
   * Class probabilities, (N, classes) row by row, of raw images, which go through the model's own preprocessing.
   * Throws ShapeError if the model has none, and DataError for an image that cannot be used.
   */
  async classify(images: readonly ImageSource[]): Promise<Float32Array<ArrayBuffer>> {
    return this.#resource.run(async () => {
      this.#preprocessor ??= Preprocessor.create(this.#gpu, this.model);
      // What failed once, such as for lack of memory, may work later.
      this.#preprocessor.catch(() => {
        this.#preprocessor = undefined;
      });
      const preprocessor = await this.#preprocessor;
      return this.#run(images.length, (first, end) => preprocessor.input(images.slice(first, end)));
    });
  }

  /** Frees all GPU memory of this predictor; the device stays. What is being predicted rejects with a DestroyedError. */
  destroy(): void {
    this.#resource.end();
    this.#session.destroy();
    this.variables.destroy();
    this.#preprocessor?.then(
      (preprocessor) => preprocessor.destroy(),
      () => {},
    );
  }

  /** Probabilities of `count` images; `input` gives the images [first, end), at most a batch. */
  #run(
    count: number,
    input: (first: number, end: number) => Feeds[string],
  ): Promise<Float32Array<ArrayBuffer>> {
    return this.variables.turn("predict", async () => {
      const { classes } = this.model;
      const probabilities = new Float32Array(count * classes);
      const inFlight = new InFlight();
      for (let first = 0; first < count; first += this.batchSize) {
        const end = Math.min(first + this.batchSize, count);
        await this.#session.ready();
        const feeds = { images: input(first, end) };
        const outputs = this.#session.submit(feeds, { step: 0, seed: 0, learningRate: 0 });
        await inFlight.add(outputs, (values) => {
          const rows = values.probabilities!.subarray(0, (end - first) * classes);
          probabilities.set(rows, first * classes);
        });
      }
      await inFlight.settle();
      return probabilities;
    });
  }
}

import { DataError, ShapeError } from "../base/errors.ts";
import { making, Resource } from "../base/resource.ts";
import { createDataset, type Dataset, isDataset } from "../data/dataset.ts";
import type { DataSource } from "../data/source.ts";
import { Graph } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import { unpad } from "../graph/tensor.ts";
import { frozenIn } from "../models/model.ts";
import { openSession, type Session } from "../run/session.ts";
import { runSource } from "../train/evaluation/run-batches.ts";
import { sourceOfExamples } from "../train/feed/examples.ts";
import { specsOfClassifier } from "../train/objective.ts";
import { Trainer } from "../train/trainer.ts";
import { graphOptionsWith } from "../train/tuning/kernels.ts";
import { splitModel } from "./split.ts";

/** Where a `FeatureCache` cuts the model. */
export interface FeatureCacheOptions {
  /** The layer whose output becomes the features. Default: the last one before which nothing trains or is random. */
  readonly at?: string;
}

/** How features are computed, and how much memory they may take. */
export interface FeaturesOfOptions {
  readonly signal?: AbortSignal;
  /** Called after each batch; counts examples. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Limit on the features' memory. Default 1 GiB. */
  readonly maxBytes?: number;
}

/**
 * Trains what follows the frozen part of a model without running that part in each epoch: it runs once over each data
 * set, and its features become a data set of their own.
 *
 *     const cache = await FeatureCache.create(trainer);
 *     const [train, test] = [await cache.features(images), await cache.features(testImages)];
 *     await cache.head.fit(train, { epochs: 10, validation: test });
 *     await cache.finish(); // the trainer now has what the head has learnt
 *
 * The head begins with the trainer's weights, step and seed, and its losses and weights are those that the trainer
 * would have had, bit for bit in full batches. In an epoch's smaller last batch other kernels may run, which may round
 * features differently.
 */
export class FeatureCache {
  /** The layer whose output the features are. */
  readonly at: string;
  /** The shape of an image's features: height, width, channels. */
  readonly shape: Dataset["shape"];
  /** Trains the layers that follow, on features in place of images. */
  readonly head: Trainer;
  readonly #trainer: Trainer;
  readonly #trunk: Session;
  readonly #resource = new Resource("FeatureCache");

  /** Throws ShapeError if the model cannot be cut in two (see `splitModel`), or if images are augmented. */
  static async create(trainer: Trainer, { at }: FeatureCacheOptions = {}): Promise<FeatureCache> {
    const { model, options, batchSize, variables, kernels } = trainer;
    const { gpu, frozen, augment, precision = "f32", microBatches = 1 } = options;
    if (augment) {
      throw new ShapeError(
        "FeatureCache",
        "augmented images have different features in each step; train without augment",
        model.name,
      );
    }
    const split = splitModel(model, { frozen, at });
    const graph = new Graph({
      ...{ mode: "eval", precision, frozen: frozenIn(model, frozen) },
      ...graphOptionsWith(gpu, kernels),
    });
    // The batch that goes through the trainer's model at once, so that the same kernels run.
    split.trunk(graph, batchSize / microBatches);
    return making(async (keep) => {
      const trunk = keep(await openSession(gpu, lowerForward(graph, options), variables));
      const head = keep(await Trainer.create({ ...options, kernels, model: split.head }));
      await hand(trainer, head);
      return new FeatureCache(trainer, split, trunk, head);
    });
  }

  private constructor(
    trainer: Trainer,
    { at, shape }: Pick<FeatureCache, "at" | "shape">,
    trunk: Session,
    head: Trainer,
  ) {
    this.at = at;
    this.shape = shape;
    this.head = head;
    this.#trainer = trainer;
    this.#trunk = trunk;
  }

  /**
   * The features of all images of a data set or another source, in its order, with their labels; 1×1 pixel if they have no
   * height and width. Throws DataError if they would take too much memory or are not finite.
   */
  async features<D extends DataSource>(
    data: D,
    options: FeaturesOfOptions = {},
  ): Promise<D extends Dataset ? Dataset : DataSource> {
    const { signal, onProgress, maxBytes = 2 ** 30 } = options;
    this.#resource.check();
    this.#trainer.check(data);
    const { name = "the data source", length } = data;
    const { shape } = this;
    const each = shape[0] * shape[1] * shape[2];
    const bytes = 4 * each * length;
    if (bytes > maxBytes) {
      throw new DataError(
        `features of ${name}: ${length} of (${shape.join(", ")}) take ${bytes} bytes, more than maxBytes ` +
          `${maxBytes} — use fewer images, cut the model later, or raise maxBytes`,
      );
    }
    const images = new Float32Array(length * each);
    const { inputs, targets } = specsOfClassifier(this.#trainer.model);
    const specs = { ...inputs, ...targets };
    const spec = targets.labels!;
    const [perImage = 1] = spec.shape;
    const labels = new (spec.dtype === "f32" ? Float32Array : Int32Array)(length * perImage);
    let done = 0;
    const run = this.#trainer.variables.turn("features", () =>
      runSource(this.#trunk, data, specs, signal, ({ features }, { values, size }) => {
        images.set((features as Float32Array).subarray(0, size * each), done * each);
        const given = values.labels!;
        labels.set(given instanceof Float32Array ? unpad(given, [perImage]) : given, done * perImage);
        done += size;
        onProgress?.(done, length);
      }),
    );
    await this.#resource.during(run);
    const named = `${name} after ${this.at}`;
    const made = isDataset(data)
      ? createDataset({ name: named, shape, classes: data.classes, labels: data.labels, images })
      : sourceOfExamples(
          named,
          { images: { shape, dtype: "f32" }, labels: spec },
          { images, labels },
          length,
        );
    return made as D extends Dataset ? Dataset : DataSource;
  }

  /**
   * Hands the head's weights, moments and progress to the trainer, as if it had trained itself. Rejects with a BusyError
   * while the trainer is running.
   */
  async finish(): Promise<void> {
    this.#resource.check();
    await hand(this.head, this.#trainer);
  }

  /** Frees the GPU memory of trunk and head; the trainer stays. What runs on them rejects with a DestroyedError. */
  async destroy(): Promise<void> {
    this.#resource.end();
    this.#trunk.destroy();
    await this.head.destroy();
  }
}

/** Copies to a trainer what another has under the same names, and its progress. */
async function hand(from: Trainer, to: Trainer): Promise<void> {
  const targets = new Map(to.saved.map(({ name, tensor }) => [name, tensor]));
  const shared = from.saved.filter(({ name }) => targets.has(name));
  const [progress, values] = await from.variables.turn("handing over weights", async ({ read }) => {
    const { progress } = from;
    return [progress, await read(shared.map(({ tensor }) => tensor))] as const;
  });
  for (const [i, { name }] of shared.entries()) to.variables.write(targets.get(name)!, values[i]!);
  to.progress = progress;
}

/**
 * What a pretrained backbone is worth with few images: `sequential` and `features` on MNIST, from the ResNet-20 that was
 * trained on Fashion-MNIST and from scratch, by the same recipe. See transfer.ts.
 */
import {
  adamw,
  balanced,
  createModel,
  type Dataset,
  FeatureCache,
  type Gpu,
  loadPretrained,
  oneCycle,
  Trainer,
} from "webgraft";

/** One training run. */
export interface Trial {
  readonly topology: "sequential" | "features";
  readonly start: "pretrained" | "scratch";
  /** Training images a class. */
  readonly perClass: number;
  readonly seed: number;
  readonly epochs: number;
}

export interface TrialData {
  readonly train: Dataset;
  readonly test: Dataset;
  /** The backbone's weights. */
  readonly weights: Blob;
}

const BATCH = 20;
const LEARNING_RATE = 3e-3;

/** Test images after the frozen backbone, which are the same in all trials on the same data. */
const testFeatures = new WeakMap<TrialData, Dataset>();

/**
 * Share of the test images that are classified correctly after a trial. Seeds choose the images, their order and the
 * initial weights, alike for both starts. `features` keeps a pretrained backbone frozen, as is its default; all else
 * trains.
 */
export async function runTrial(gpu: Gpu, trial: Trial, data: TrialData): Promise<number> {
  const { train, test, weights } = data;
  const { topology, start, perClass, seed, epochs } = trial;
  const model = createModel(topology, {
    inputShape: train.shape,
    classes: train.classes.length,
    backbone: "resnet20",
    ...(start === "scratch" && { frozen: [] }),
  });
  const trainer = await Trainer.create({
    gpu,
    model,
    seed,
    batchSize: BATCH,
    optimizer: adamw({ lr: LEARNING_RATE }),
    schedule: oneCycle(),
  });
  const images = balanced(train, perClass, seed);
  try {
    if (start === "scratch") return await accuracyAfter(trainer, images, test, epochs);
    await loadPretrained(trainer, weights);
    if (topology === "sequential") return await accuracyAfter(trainer, images, test, epochs);
    const cache = await FeatureCache.create(trainer);
    try {
      const kept = testFeatures.get(data) ?? (await cache.features(test));
      testFeatures.set(data, kept);
      return await accuracyAfter(cache.head, await cache.features(images), kept, epochs);
    } finally {
      await cache.destroy();
    }
  } finally {
    await trainer.destroy();
  }
}

async function accuracyAfter(
  trainer: Trainer,
  images: Dataset,
  test: Dataset,
  epochs: number,
): Promise<number> {
  await trainer.fit(images, { epochs });
  return (await trainer.evaluate(test)).accuracy;
}

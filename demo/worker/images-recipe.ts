/**
 * Fine-tunes a pretrained backbone on your own pictures, with the library webgraft. The page "Your images" runs this very
 * file in its worker, and shows it.
 */
import {
  type BackboneName,
  createDataset,
  type Dataset,
  datasetFromImages,
  type Evaluation,
  FeatureCache,
  type FinetuneOptions,
  finetune,
  type Gpu,
  oneCycle,
  type PixelImage,
  type PretrainedSource,
  restoreNorms,
  type StepInfo,
  Trainer,
} from "webgraft";

export interface Recipe
  extends Required<Pick<FinetuneOptions, "inputShape" | "preprocessing" | "headLr" | "backboneLr">> {
  readonly backbone: BackboneName;
  /** What trains besides the new last layer: the stages from this one on. Default: nothing. */
  readonly unfreezeFrom?: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** Pictures with the number of the class of each. */
export interface Labelled {
  readonly images: readonly PixelImage[];
  readonly labels: readonly number[];
}

export interface Watch {
  readonly signal?: AbortSignal;
  /** Counts the pictures that have been through the frozen part of the network. */
  readonly onFeatures?: (done: number) => void;
  readonly onStep?: (info: StepInfo) => void;
}

/** A picture's side, in pixels, before it is prepared for a network. */
export const SIDE = 96;

/** The square in the middle of a picture, SIDE×SIDE pixels of red, green and blue. */
export async function shrink(picture: Blob | ImageBitmap): Promise<PixelImage> {
  const whole = picture instanceof Blob ? await createImageBitmap(picture) : picture;
  const { width, height } = whole;
  const side = Math.min(width, height);
  const [x, y] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  const size = { resizeWidth: SIDE, resizeHeight: SIDE, resizeQuality: "high" } as const;
  const square = await createImageBitmap(whole, x, y, side, side, size);
  whole.close();
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "white"; // Behind what is transparent.
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(square, 0, 0);
  square.close();
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return { width: SIDE, height: SIDE, data: data.filter((_, i) => i % 4 < 3) };
}

/** How many pictures of a class are kept back to test with, the last ones: a fifth, at least one. */
export const heldOut = (count: number): number => Math.max(1, Math.floor(count / 5));

/** Parts the pictures of all classes into those to learn from and those to test with. */
export function split(byClass: readonly (readonly PixelImage[])[]): { train: Labelled; test: Labelled } {
  const part = (of: (images: readonly PixelImage[]) => readonly PixelImage[]): Labelled => {
    const each = byClass.map(of);
    return { images: each.flat(), labels: each.flatMap((images, label) => images.map(() => label)) };
  };
  return {
    train: part((images) => images.slice(0, -heldOut(images.length))),
    test: part((images) => images.slice(-heldOut(images.length))),
  };
}

/** Trains, and tests. The caller destroys the trainer. */
export async function fineTune(
  gpu: Gpu,
  weights: PretrainedSource,
  classes: readonly string[],
  { train, test }: { readonly train: Labelled; readonly test: Labelled },
  recipe: Recipe,
  { signal, onFeatures, onStep }: Watch = {},
): Promise<{ readonly trainer: Trainer; readonly tested: Evaluation }> {
  const { backbone, batchSize, seed, epochs } = recipe;
  const tuning = finetune(backbone, { ...recipe, classes: classes.length });
  const trainer = await Trainer.create({ gpu, ...tuning, batchSize, seed, schedule: oneCycle() });
  try {
    const { unfolded } = await tuning.load(trainer, weights);
    if (unfolded.length > 0) {
      const every = Math.ceil(train.images.length / batchSize);
      const some = train.images.flatMap((image, i) =>
        i % every === 0 ? [{ image, label: train.labels[i]! }] : [],
      );
      // Batch norms that the file has folded into convolutions need statistics to be trained.
      await restoreNorms(trainer, await datasetFromImages(gpu, tuning.model, some, { classes }), unfolded);
    }
    // The frozen part of the network gives the same for a picture every time, so it runs once.
    const cache = await FeatureCache.create(trainer);
    let done = 0;
    /** A few pictures at a time, since prepared ones take four bytes for each value. */
    const featuresOf = async ({ images, labels }: Labelled): Promise<Dataset> => {
      const parts: Dataset[] = [];
      for (let at = 0; at < images.length; at += batchSize) {
        signal?.throwIfAborted();
        const few = images.slice(at, at + batchSize);
        const labelled = few.map((image, i) => ({ image, label: labels[at + i]! }));
        parts.push(await cache.features(await datasetFromImages(gpu, tuning.model, labelled, { classes })));
        done += few.length;
        onFeatures?.(done);
      }
      const each = cache.shape[0] * cache.shape[1] * cache.shape[2];
      const values = new Float32Array(images.length * each);
      for (const [i, part] of parts.entries()) values.set(part.images, i * batchSize * each);
      return createDataset({ ...parts[0]!, images: values, labels: Int32Array.from(labels) });
    };
    try {
      const [features, testFeatures] = [await featuresOf(train), await featuresOf(test)];
      await cache.head.fit(features, {
        epochs,
        ...(signal && { signal }),
        ...(onStep && { onStep }),
      });
      const tested = await cache.head.evaluate(testFeatures);
      await cache.finish();
      return { trainer, tested };
    } finally {
      await cache.destroy();
    }
  } catch (error) {
    await trainer.destroy();
    throw error;
  }
}

import { atOnce } from "../base/at-once.ts";
import { reasonOf } from "../base/download.ts";
import { DataError, WebgraftError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { type ImageSource, Preprocessor, type PreprocessorModel } from "../run/preprocessor.ts";
import { createDataset, type Dataset } from "./dataset.ts";
import { checkMemory } from "./resize.ts";

/** An image and its class. */
export interface LabelledImage {
  /** Any image that `Preprocessor` takes, or a file of one that the browser can read. */
  readonly image: ImageSource | Blob;
  /** The class: its name, or its number. */
  readonly label: string | number;
}

/** What `datasetFromImages` calls the data and its classes, and who hears how far it is. */
export interface FromImagesOptions {
  /** What errors call the data set. Default `images`. */
  readonly name?: string;
  /** The names of labels 0, 1, … Default the names given, sorted; of numbers, as many as the model has classes. */
  readonly classes?: readonly string[];
  /** Counts images. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** How many images are decoded at once: a photograph takes some 50 MB while it is. */
const AT_ONCE = 4;

/**
 * A data set of images that go through the model's own preprocessing on the GPU, so that it sees in training what
 * `Predictor.classify` makes of the same image. Images stay open; files are decoded, a few at once, and not kept. A
 * value takes four bytes: for more images than fit into memory, give a `DataSource`.
 *
 *     const data = await datasetFromImages(gpu, model, [{ image: file, label: "cat" }, { image: canvas, label: "dog" }]);
 *
 * Rejects with a DataError for labels that do not fit, and for an image that cannot be used, with its index; with a
 * ShapeError if the model has no preprocessing; and with the signal's reason.
 */
export async function datasetFromImages(
  gpu: Gpu,
  model: PreprocessorModel & { readonly classes?: number },
  items: readonly LabelledImage[],
  options: FromImagesOptions = {},
): Promise<Dataset> {
  const { name = "images", signal, onProgress } = options;
  const given = items.map(({ label }) => label);
  const classes = options.classes ?? classesOf(given, model.classes);
  const labels = Int32Array.from(given, (label, i) => {
    const number = typeof label === "number" ? label : classes.indexOf(label);
    if (Number.isInteger(number) && number >= 0 && number < classes.length) return number;
    throw new DataError(
      `${name}: the label of image ${i} is none of the classes — got ${JSON.stringify(label)}, ` +
        `classes ${classes.slice(0, 10).join(", ")}${classes.length > 10 ? ", …" : ""}`,
    );
  });
  const shape = model.inputShape;
  checkMemory(name, items.length, shape, Float32Array.BYTES_PER_ELEMENT);
  const each = shape[0] * shape[1] * shape[2];
  const images = new Float32Array(items.length * each);
  const preprocessor = await Preprocessor.create(gpu, model);
  try {
    let done = 0;
    await atOnce(AT_ONCE, items.length, signal, async (i, signal) => {
      try {
        images.set(await prepared(items[i]!.image, preprocessor), i * each);
      } catch (cause) {
        signal.throwIfAborted();
        if (cause instanceof WebgraftError && !(cause instanceof DataError)) throw cause;
        throw new DataError(`${name}: image ${i}, of ${given[i]}, cannot be used — ${reasonOf(cause)}`, {
          cause,
        });
      }
      onProgress?.(++done, items.length);
    });
  } finally {
    preprocessor.destroy();
  }
  return createDataset({ name, shape, classes, images, labels });
}

/** The names of the classes that labels tell. */
function classesOf(labels: readonly LabelledImage["label"][], count: number | undefined): readonly string[] {
  const names = new Set(labels.filter((label) => typeof label === "string"));
  if (names.size > 0) return [...names].sort();
  const length = count ?? labels.reduce<number>((most, label) => Math.max(most, Number(label)), -1) + 1;
  return Array.from({ length }, (_, i) => String(i));
}

/** An image as the model sees it, (H, W, C). */
async function prepared(image: LabelledImage["image"], preprocessor: Preprocessor): Promise<Float32Array> {
  if (image instanceof Blob) {
    const decoded = await createImageBitmap(image);
    try {
      return await preprocessor.read([decoded]);
    } finally {
      decoded.close();
    }
  }
  // An element may not have its pixels yet.
  if (image instanceof Object && "decode" in image) await image.decode();
  return preprocessor.read([image]);
}

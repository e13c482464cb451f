/** The images that a question is about, as a data set in the shape of the run's. */
import { DataError } from "../base/errors.ts";
import { check, list, object, show, whole } from "../base/schema.ts";
import { type Dataset, subset } from "../data/dataset.ts";
import type { Gpu } from "../gpu/device.ts";
import { Preprocessor } from "../run/preprocessor.ts";
import type { JobImages } from "./protocol.ts";

/** Labels mean something for test images only. Rejects with a DataError for images that cannot be used. */
export async function imagesOf(
  asked: JobImages,
  what: string,
  test: Dataset,
  gpu: Gpu,
): Promise<Dataset & { readonly images: Uint8Array }> {
  if ("pixels" in asked) return withImages(test, bytesOf(asked.pixels, what, test.shape));
  if ("images" in asked) return withImages(test, await resized(asked.images, what, test.shape, gpu));
  const indices = object({ indices: list(whole(0, test.length - 1), 1) });
  const chosen = subset(test, check(indices, asked, what, DataError).indices);
  // The data sets of a job are bytes.
  return { ...chosen, images: chosen.images as Uint8Array };
}

/** Frees the memory of bitmaps and frames, once they have been used or refused. */
export function closeImages(command: object): void {
  if (!("images" in command) || !Array.isArray(command.images)) return;
  for (const image of command.images) if (isImage(image)) image.close();
}

function withImages(test: Dataset, images: Uint8Array): Dataset & { readonly images: Uint8Array } {
  const [height, width, channels] = test.shape;
  const length = images.length / (height * width * channels);
  return { ...test, length, images, labels: new Int32Array(length) };
}

function bytesOf(pixels: unknown, what: string, shape: Dataset["shape"]): Uint8Array {
  const typed = pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray;
  const bytes = Uint8Array.from(
    typed ? pixels : check(object({ pixels: list(whole(0, 255)) }), { pixels }, what, DataError).pixels,
  );
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (bytes.length === 0 || bytes.length % size !== 0) {
    throw new DataError(
      `${what}: pixels of images (${shape.join(", ")}) take ${size} bytes each — got ${bytes.length}`,
    );
  }
  return bytes;
}

async function resized(
  images: unknown,
  what: string,
  shape: Dataset["shape"],
  gpu: Gpu,
): Promise<Uint8Array> {
  if (!Array.isArray(images) || images.length === 0 || !images.every(isImage)) {
    throw new DataError(`${what}: images must be one or more bitmaps or video frames — got ${show(images)}`);
  }
  const [height, width, channels] = shape;
  const plain = { mean: Array<number>(channels).fill(0), std: Array<number>(channels).fill(1) };
  const preprocessing = { resize: Math.min(height, width), mode: "torch", ...plain } as const;
  const preprocessor = await Preprocessor.create(gpu, { inputShape: shape, preprocessing });
  try {
    // Rounded to bytes, as the images of the run were when they were resized.
    const values = await preprocessor.read(images);
    return Uint8Array.from(Uint8ClampedArray.from(values, (value) => 255 * value));
  } finally {
    preprocessor.destroy();
  }
}

/** Node has neither, and Firefox's workers have no video frames yet. */
const isImage = (value: unknown): value is ImageBitmap | VideoFrame =>
  (typeof ImageBitmap !== "undefined" && value instanceof ImageBitmap) ||
  (typeof VideoFrame !== "undefined" && value instanceof VideoFrame);

import { DataError } from "../base/errors.ts";
import { resample, taps } from "../image/resample.ts";
import type { Dataset } from "./dataset.ts";

/** The largest data set in memory: an ArrayBuffer that every browser can allocate. */
export const MAX_DATASET_BYTES = 2 ** 31 - 1;

/** Throws DataError unless `count` images, of bytes or of larger values, fit into memory. */
export function checkMemory(
  name: string,
  count: number,
  [height, width, channels]: Dataset["shape"],
  bytesEach = 1,
): void {
  const bytes = count * height * width * channels * bytesEach;
  if (bytes > MAX_DATASET_BYTES) {
    throw new DataError(
      `${name}: ${count} images of ${height}×${width}×${channels} take ${bytes} bytes, more than the ` +
        `${MAX_DATASET_BYTES} that fit into memory — use smaller or fewer images`,
    );
  }
}

/**
 * Resizes all images, which must be bytes, by antialiased bilinear interpolation (torchvision's `antialias`, Pillow's
 * only way): what `Preprocessor` does on the GPU, rounded to bytes. Throws DataError if images are not bytes or the
 * result does not fit into memory.
 */
export function resizeImages(dataset: Dataset, height: number, width: number): Dataset {
  const [H, W, C] = dataset.shape;
  if (H === height && W === width) return dataset;
  const { name, length, images } = dataset;
  if (!(images instanceof Uint8Array))
    throw new DataError(`resizeImages: images must be bytes — ${name} has Float32Array`);
  checkMemory(name, length, [height, width, C]);
  const [rows, columns] = [taps(H, height), taps(W, width)];
  const [before, after] = [H * W * C, height * width * C];
  const resized = new Uint8Array(length * after);
  for (let i = 0; i < length; i++) {
    const data = images.subarray(i * before, (i + 1) * before);
    const into = resized.subarray(i * after, (i + 1) * after);
    resample({ data, width: W, stride: C }, rows, columns, C, into);
  }
  return { ...dataset, shape: [height, width, C], images: resized };
}

import { DataError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";

/** What one data set may take in memory: an ArrayBuffer that every browser gives. */
export const MAX_DATASET_BYTES = 2 ** 31 - 1;

/** Throws DataError unless so many images of bytes fit into memory. */
export function checkMemory(name: string, count: number, [height, width, channels]: Dataset["shape"]): void {
  const bytes = count * height * width * channels;
  if (bytes > MAX_DATASET_BYTES) {
    throw new DataError(
      `${name}: ${count} images of ${height}×${width}×${channels} take ${bytes} bytes, more than the ` +
        `${MAX_DATASET_BYTES} that fit into memory — use smaller or fewer images`,
    );
  }
}

/**
 * All images of bytes in another size, by bilinear interpolation between pixel centres, with the triangle widened
 * where pixels are merged (`antialias` in torchvision, as Pillow does it always). Throws DataError where the result
 * would not fit into memory.
 */
export function resizeImages(dataset: Dataset, height: number, width: number): Dataset {
  const [H, W, C] = dataset.shape;
  if (H === height && W === width) return dataset;
  if (!(dataset.images instanceof Uint8Array)) {
    throw new DataError(`resizeImages: ${dataset.name} holds no bytes`);
  }
  const { length, images } = dataset;
  checkMemory(dataset.name, length, [height, width, C]);
  const [rows, columns] = [taps(H, height), taps(W, width)];
  const narrow = new Float32Array(H * width * C);
  const resized = new Uint8Array(length * height * width * C);
  for (let image = 0; image < length; image++) {
    const from = image * H * W * C;
    for (let y = 0; y < H; y++) {
      for (let x = 0; x < width; x++) {
        const { first, weights } = columns[x]!;
        for (let c = 0; c < C; c++) {
          let sum = 0;
          for (let tap = 0; tap < weights.length; tap++) {
            sum += weights[tap]! * images[from + (y * W + first + tap) * C + c]!;
          }
          narrow[(y * width + x) * C + c] = sum;
        }
      }
    }
    const to = image * height * width * C;
    for (let y = 0; y < height; y++) {
      const { first, weights } = rows[y]!;
      for (let i = 0; i < width * C; i++) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++)
          sum += weights[tap]! * narrow[(first + tap) * width * C + i]!;
        resized[to + y * width * C + i] = Math.round(sum);
      }
    }
  }
  return { ...dataset, shape: [height, width, C], images: resized };
}

/** For each pixel along an axis, which of the old ones it is made of, and their shares. */
function taps(from: number, to: number): { readonly first: number; readonly weights: Float64Array }[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, tap) =>
      Math.max(0, 1 - Math.abs(first + tap + 0.5 - centre) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

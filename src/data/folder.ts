import { DataError } from "../base/errors.ts";
import { place } from "../image/preprocessing.ts";
import { resample, span, type Taps, taps } from "../image/resample.ts";
import { createDataset, type Dataset } from "./dataset.ts";
import { readImageHeader } from "./image-header.ts";
import type { Split } from "./load.ts";
import { checkMemory } from "./resize.ts";

/** A server's `index.json` for a folder of images; beside it lie the images, such as `train/3` for image 3. */
export interface FolderIndex extends Readonly<Record<Split, readonly FolderImage[]>> {
  readonly name: string;
  readonly classes: readonly string[];
}

export interface FolderImage {
  /** Path in the folder, for errors. */
  readonly name: string;
  readonly label: number;
}

export interface FolderOptions {
  /** Where `index.json` is. */
  readonly baseUrl: string;
  /** Height and width to resize images to. */
  readonly size: number;
  /** Chooses by the labels of all images which ones to load, and in what order. Default: all. */
  readonly choose?: (all: Pick<Dataset, "labels" | "classes">) => ArrayLike<number>;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Limits of an image: bytes of its file, and pixels, which take four bytes each while it is decoded. */
const MAX_FILE_BYTES = 2 ** 28;
const MAX_PIXELS = 2 ** 26;

/** How many files are read and decoded at once. */
const AT_ONCE = 8;

/** ImageNet's constants, which networks trained on it expect. */
const PHOTOGRAPHS = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Fetches and decodes PNG and JPEG images: the square in the middle of each, resized to size×size, as RGB. Needs
 * createImageBitmap and OffscreenCanvas, which pages and workers have. Throws DataError, naming the file, if one is
 * missing, not an image, damaged or huge, and if all together do not fit into memory.
 */
export async function loadImageFolder(split: Split, options: FolderOptions): Promise<Dataset> {
  const { baseUrl, size, onProgress, signal } = options;
  const index = (await (await get(`${baseUrl}/index.json`, "index.json", signal)).json()) as FolderIndex;
  const { name, classes } = index;
  const all = index[split];
  const numbers = options.choose
    ? Array.from(options.choose({ labels: labelsOf(all), classes }))
    : [...all.keys()];
  const files = numbers.map((number) => {
    const file = all[number];
    if (file) return file;
    throw new DataError(`${name}: there is no image ${number} — got ${all.length} images to ${split} on`);
  });
  const shape = [size, size, 3] as const;
  checkMemory(name, files.length, shape);
  const each = size * size * 3;
  const images = new Uint8Array(files.length * each);
  const draw = painter(size);

  const failed = new AbortController();
  const ended = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  let next = 0;
  let done = 0;
  async function work(): Promise<void> {
    for (let i = next++; i < files.length && !ended.aborted; i = next++) {
      const file = `${name}/${files[i]!.name}`;
      const response = await get(`${baseUrl}/${split}/${numbers[i]}`, file, ended);
      images.set(draw(await decode(response, file), file), i * each);
      onProgress?.(++done, files.length);
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    failed.abort(); // Stops the other workers after a failure.
  }
  signal?.throwIfAborted();
  return createDataset({ name, shape, classes, images, labels: labelsOf(files), normalize: PHOTOGRAPHS });
}

const labelsOf = (files: readonly FolderImage[]): Int32Array => Int32Array.from(files, ({ label }) => label);

async function get(url: string, name: string, signal: AbortSignal | undefined): Promise<Response> {
  const response = await fetch(url, signal ? { signal } : {});
  if (response.ok) return response;
  throw new DataError(`cannot read ${name} — ${(await response.text()) || `HTTP ${response.status}`}`);
}

async function decode(response: Response, name: string): Promise<ImageBitmap> {
  const bytes = Number(response.headers.get("content-length"));
  if (bytes > MAX_FILE_BYTES) {
    throw new DataError(`${name} is too large — ${bytes} bytes, where at most ${MAX_FILE_BYTES} are read`);
  }
  const file = await response.blob();
  const header = readImageHeader(new Uint8Array(await file.arrayBuffer()));
  if (!header) throw new DataError(`${name} is not a PNG or JPEG image — ${file.size} bytes`);
  const { format, width, height } = header;
  if (width * height > MAX_PIXELS) {
    throw new DataError(
      `${name} is too large — ${width}×${height} pixels, where at most ${MAX_PIXELS} are read; make it smaller`,
    );
  }
  try {
    // The raw numbers of the file, which other tools train on, without its colour profile.
    return await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch (cause) {
    throw new DataError(`${name} is a damaged ${format} image — ${(cause as Error).message}`, { cause });
  }
}

/**
 * Turns images into size×size RGB bytes, as `Preprocessor` does on the GPU: resizes the shorter side to `size` and
 * keeps the square in the middle. Frees the image. Throws DataError, naming the file, for an image too long and thin.
 */
function painter(size: number): (image: ImageBitmap, name: string) => Uint8Array {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
  return (image, name) => {
    try {
      const { resized, top, left } = place([image.height, image.width], [size, size], size);
      const rows = taps(image.height, resized[0], top, size);
      const columns = taps(image.width, resized[1], left, size);
      const [[y, bottom], [x, right]] = [span(rows), span(columns)];
      const [width, height] = [right - x, bottom - y];
      Object.assign(context.canvas, { width, height });
      context.fillRect(0, 0, width, height); // Black behind transparent pixels.
      context.drawImage(image, -x, -y);
      const { data } = context.getImageData(0, 0, width, height);
      const rgb = new Uint8Array(size * size * 3);
      const shifted = (list: readonly Taps[], by: number): Taps[] =>
        list.map(({ first, weights }) => ({ first: first - by, weights }));
      resample({ data, width, stride: 4 }, shifted(rows, y), shifted(columns, x), 3, rgb);
      return rgb;
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      throw new DataError(`${name}: ${cause.message}`, { cause });
    } finally {
      image.close();
    }
  };
}

import { atOnce } from "../base/at-once.ts";
import { collect, type DownloadOptions, download, reasonOf } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import { place } from "../image/preprocessing.ts";
import { resample, span, type Taps, taps } from "../image/resample.ts";
import { createDataset, type Dataset } from "./dataset.ts";
import { type FolderImage, parseFolderIndex } from "./folder-index.ts";
import { FORMATS, readImageHeader } from "./image-header.ts";
import type { Split } from "./load.ts";
import { checkMemory } from "./resize.ts";

/** Where a folder of images lies, and how to load it. */
export interface FolderOptions extends DownloadOptions {
  /** Where `index.json` is. */
  readonly baseUrl: string;
  /** Height and width to resize images to. */
  readonly size: number;
  /** Chooses by the labels of all images which ones to load, and in what order. Default: all. */
  readonly choose?: (all: Pick<Dataset, "labels" | "classes">) => ArrayLike<number>;
  /** Counts images. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Whether to go on without images that cannot be used. Default false: they are named, and nothing is loaded. */
  readonly skipBroken?: boolean;
  /** Hears what is wrong with each of those that were skipped, if there are any. */
  readonly onBroken?: (problems: readonly string[]) => void;
}

/** More than the index of any folder whose images fit into memory. */
const MAX_INDEX_BYTES = 2 ** 28;

/** Limits of an image: bytes of its file, and pixels, which take four bytes each while it is decoded. */
const MAX_FILE_BYTES = 2 ** 28;
const MAX_PIXELS = 2 ** 26;

/** How many files are read and decoded at once. */
const AT_ONCE = 8;

/** How many images that cannot be used are named. */
export const NAMED = 20;

/** ImageNet's constants, which networks trained on it expect. */
const PHOTOGRAPHS = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Fetches and decodes images, of any format that browsers read: the square in the middle of each, resized to size×size,
 * as RGB, over black where it is transparent. Needs createImageBitmap and OffscreenCanvas, which pages and workers have.
 * Throws DataError, naming the files, if some are not images, damaged or huge, unless they are to be skipped; if one cannot
 * be fetched, and if all together do not fit into memory.
 */
export async function loadImageFolder(split: Split, options: FolderOptions): Promise<Dataset> {
  const { name, broken, dataset } = await readImageFolder(split, options);
  if (broken.length > 0) {
    if (!options.skipBroken) throw brokenImages(name, broken);
    options.onBroken?.(broken);
  }
  return dataset();
}

/** What a folder's images have become. */
export interface ReadFolder {
  readonly name: string;
  /** What is wrong with those that cannot be used, in the order of their names. */
  readonly broken: readonly string[];
  /** The others. Throws DataError if none are left, of a class to train on either. */
  dataset(): Dataset;
}

/** As `loadImageFolder`, but leaves it to the caller what is to be done about images that cannot be used. */
export async function readImageFolder(split: Split, options: FolderOptions): Promise<ReadFolder> {
  const { baseUrl, size, onProgress, signal, stallTimeout } = options;
  const stalls = stallTimeout === undefined ? {} : { stallTimeout };
  const reading = { ...stalls, ...(signal && { signal }) };
  const index = parseFolderIndex(await read(`${baseUrl}/index.json`, "index.json", MAX_INDEX_BYTES, reading));
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

  let done = 0;
  const problems = new Map<FolderImage, string>();
  await atOnce(AT_ONCE, files.length, signal, async (i, signal) => {
    const file = `${name}/${files[i]!.name}`;
    const bytes = await read(`${baseUrl}/${split}/${numbers[i]}`, file, MAX_FILE_BYTES, {
      ...stalls,
      signal,
    });
    try {
      images.set(draw(await decode(bytes, file), file), i * each);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      problems.set(files[i]!, error.message);
    }
    onProgress?.(++done, files.length);
  });
  const whole = files.filter((file) => !problems.has(file));
  const labels = labelsOf(whole);
  let kept = 0;
  if (problems.size > 0) {
    for (const [i, file] of files.entries()) {
      if (!problems.has(file)) images.copyWithin(each * kept++, each * i, each * (i + 1));
    }
  }
  return {
    name,
    broken: [...problems.values()].sort(),
    dataset() {
      const lost = [...problems.keys()].find(({ label }) => !labels.includes(label));
      if (split === "train" && lost) {
        const count = files.filter(({ label }) => label === lost.label).length;
        throw new DataError(`${name}: none of the ${count} images of ${classes[lost.label]} can be used`);
      }
      const left = images.subarray(0, each * whole.length);
      return createDataset({ name, shape, classes, images: left, labels, normalize: PHOTOGRAPHS });
    },
  };
}

/** The first of what is wrong with images, for people. */
export const shownProblems = (problems: readonly string[], count = problems.length): string =>
  [
    ...problems.slice(0, NAMED).map((problem) => `\n  ${problem}`),
    ...(count > NAMED ? [`\n  … and ${count - NAMED} more`] : []),
  ].join("");

/** The error that tells what is wrong with the images of a folder. */
export function brokenImages(name: string, problems: readonly string[]): DataError {
  const count = `${problems.length} ${problems.length === 1 ? "image" : "images"}`;
  return new DataError(
    `${name}: ${count} cannot be used — mend or remove them, or leave them out (skipBroken; --skip-broken):` +
      shownProblems([...problems].sort()),
  );
}

const labelsOf = (files: readonly FolderImage[]): Int32Array => Int32Array.from(files, ({ label }) => label);

/** Reads a file of at most so many bytes. Throws DataError, naming it, if it cannot be read. */
async function read(
  url: string,
  name: string,
  most: number,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = (bytes: number): void => {
    if (bytes <= most) return;
    throw new DataError(`${name} is too large — ${bytes} bytes, where at most ${most} are read`);
  };
  try {
    const { response, chunks } = await download(url, options);
    if (response.ok) {
      tooLarge(Number(response.headers.get("content-length")));
      return await collect(chunks, tooLarge);
    }
    throw new Error((await response.text()) || `HTTP ${response.status}`);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof DataError) throw error;
    throw new DataError(`cannot read ${name} — ${reasonOf(error)}`, { cause: error });
  }
}

async function decode(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<ImageBitmap> {
  const header = readImageHeader(bytes);
  if (!header) throw new DataError(`${name} is not a ${FORMATS} image — ${bytes.length} bytes`);
  const { format, width, height } = header;
  if (width * height > MAX_PIXELS) {
    throw new DataError(
      `${name} is too large — ${width}×${height} pixels, where at most ${MAX_PIXELS} are read; make it smaller`,
    );
  }
  try {
    // The raw numbers of the file, which other tools train on, without its colour profile.
    return await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" });
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

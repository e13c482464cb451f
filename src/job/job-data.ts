import { balanced, balancedIndices, type Dataset } from "../data/dataset.ts";
import { brokenImages, NAMED, type ReadFolder, readImageFolder } from "../data/folder.ts";
import { loadDataset, type Split, splits } from "../data/load.ts";
import { resizeImages } from "../data/resize.ts";
import type { JobEvent } from "./protocol.ts";
import { FOLDER_IMAGE_SIZE, isDatasetName, type JobSettings } from "./settings.ts";

interface JobDataOptions {
  /** Folder of the data sets, as for `loadDataset`; its subfolder `folder` holds the run's folder of images. */
  readonly baseUrl: string;
  readonly signal: AbortSignal;
  readonly emit: (event: JobEvent) => void;
}

/** Loads the examples that a job trains on and tests on, in the size that its settings give. */
export async function loadJobData(
  settings: JobSettings,
  options: JobDataOptions,
): Promise<readonly [train: Dataset, test: Dataset]> {
  const { data, imageSize, perClass, seed, examples, testExamples } = settings;
  if (!isDatasetName(data)) {
    // One after the other: decoding keeps the CPU busy, and its progress is that of a single split.
    const folders = [
      await decode("train", settings, options),
      await decode("test", settings, options),
    ] as const;
    const broken = folders.flatMap(({ broken }) => broken);
    if (broken.length > 0 && !settings.skipBroken) throw brokenImages(folders[0].name, broken);
    for (const [i, { broken }] of folders.entries()) {
      const { length: count } = broken;
      if (count === 0) continue;
      options.emit({ type: "skipped", split: splits[i]!, count, images: broken.slice(0, NAMED) });
    }
    return [folders[0].dataset(), folders[1].dataset()];
  }
  const { baseUrl, signal, emit } = options;
  const load = (split: Split, examples: number | undefined): Promise<Dataset> =>
    loadDataset(data, split, {
      ...{ baseUrl, signal, examples },
      onProgress: tellLoading(emit, `${data} ${split} images`),
    });
  // Those of a class may be anywhere.
  const [train, test] = await Promise.all([load("train", examples), load("test", testExamples)]);
  const used = [perClass === undefined ? train : balanced(train, perClass, seed), test] as const;
  if (imageSize === undefined) return used;
  return [resizeImages(used[0], imageSize, imageSize), resizeImages(used[1], imageSize, imageSize)];
}

async function decode(split: Split, settings: JobSettings, options: JobDataOptions): Promise<ReadFolder> {
  const { imageSize, perClass, seed, examples, testExamples } = settings;
  const { baseUrl, signal, emit } = options;
  const count = split === "train" ? examples : testExamples;
  let percent = -1;
  return readImageFolder(split, {
    baseUrl: `${baseUrl}/folder`,
    size: imageSize ?? FOLDER_IMAGE_SIZE,
    choose: (all) =>
      split === "train" && perClass !== undefined
        ? balancedIndices(all, perClass, seed)
        : Array.from({ length: count ?? all.labels.length }, (_, i) => i),
    signal,
    onProgress: (done, total) => {
      const now = Math.floor((100 * done) / total);
      if (now === percent) return;
      percent = now;
      emit({ type: "decoding", split, done, total });
    },
  });
}

/** Makes a callback that reports a download at each tenth, or MiB where its size is not known, since chunks are small. */
export function tellLoading(
  emit: (event: JobEvent) => void,
  what: string,
): (loaded: number, total: number | undefined) => void {
  let last: string | undefined;
  return (loaded, total) => {
    const part =
      total === undefined
        ? `MiB ${Math.floor(loaded / 2 ** 20)}`
        : `tenth ${Math.floor((loaded / total) * 10)}`;
    if (part === last) return;
    last = part;
    emit({ type: "loading", what, loaded, ...(total !== undefined && { total }) });
  };
}

import { ShapeError, WebgraftError } from "../../base/errors.ts";
import { balancedIndices } from "../../data/dataset.ts";
import type { Split } from "../../data/load.ts";
import {
  checkBatch,
  FOLDER_IMAGE_SIZE,
  isDatasetName,
  type JobSettings,
  modelOf,
} from "../../job/settings.ts";
import { datasetLabels } from "./idx-files.ts";
import { type ImageFolder, scanImageFolder } from "./image-folder.ts";

/**
 * Opens the run's folder of images, if it has one. Throws WebgraftError if the settings do not fit the data or make no
 * model for it, before a browser is started.
 */
export function openData(settings: JobSettings): ImageFolder | undefined {
  const { data, fingerprint, examples, perClass, testExamples, imageSize, seed } = settings;
  const folder = isDatasetName(data) ? undefined : scanImageFolder(data, seed);
  if (folder && folder.fingerprint !== fingerprint) {
    throw new WebgraftError(
      `the images in ${data} have changed since the run began; start a new run, since images that were trained on ` +
        "could now be tested on",
    );
  }
  const labels = (split: Split): ArrayLike<number> =>
    isDatasetName(data) ? datasetLabels(data, split) : folder![split].map(({ label }) => label);
  for (const [option, split, count] of [
    ["--examples", "train", examples ?? 1],
    ["--test-examples", "test", testExamples ?? 1],
  ] as const) {
    const { length } = labels(split);
    if (count <= length) continue;
    throw new WebgraftError(
      `got ${option} ${count}, but ${data} has ${length} images to ${split} on — take ${option} ≤ ${length}`,
    );
  }
  const classes = folder?.classes ?? Array.from({ length: 10 }, (_, label) => `${label}`);
  if (perClass !== undefined) {
    const { length } = balancedIndices({ labels: labels("train"), classes }, perClass, seed);
    checkBatch(settings, length);
  }
  const size = imageSize ?? (folder ? FOLDER_IMAGE_SIZE : 28);
  checkModel(settings, size, folder ? 3 : 1, classes);
  return folder;
}

/** Throws ShapeError if there is no model for images of this size; the message suggests a larger size. */
function checkModel(settings: JobSettings, size: number, channels: number, classes: readonly string[]): void {
  const check = (extent: number): unknown =>
    modelOf(settings, { shape: [extent, extent, channels], classes });
  try {
    check(size);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    for (let larger = size + 1; larger <= size + 64; larger++) {
      try {
        check(larger);
      } catch {
        continue;
      }
      error.message += `; --image-size ${larger} fits`;
      break;
    }
    throw error;
  }
}

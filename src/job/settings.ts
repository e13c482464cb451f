import { ShapeError, WebgraftError } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { type DatasetName, datasetNames } from "../data/load.ts";
import { precisions } from "../graph/graph.ts";
import { backboneNames } from "../models/backbones/backbones.ts";
import type { Model } from "../models/model.ts";
import { createModel, topologyNames } from "../models/topologies/topologies.ts";
import { splitModel } from "../transfer/split.ts";
import { augmentKinds } from "./augmentation.ts";
import type { JobSettings, OptimizerName } from "./protocol.ts";

export const optimizerNames: readonly OptimizerName[] = ["sgd", "adam", "adamw"];

/** Peak learning rates that suit the topologies here; those with wide dense layers on top want lower ones. */
const LEARNING_RATES: Readonly<Record<OptimizerName, number>> = { sgd: 0.03, adam: 0.003, adamw: 0.003 };
const VGG_LEARNING_RATES: typeof LEARNING_RATES = { sgd: 0.003, adam: 0.0003, adamw: 0.0003 };

/** MNIST to more than 97.5 % in minutes, even on a GPU emulated by two CPU cores. */
export const defaultSettings: JobSettings = {
  topology: "interleaved",
  data: "mnist",
  examples: 12_000,
  epochs: 1,
  batch: 16,
  lr: LEARNING_RATES.adamw,
  optimizer: "adamw",
  seed: 1,
};

/** Height and width of the images of a folder, unless settings say others. */
export const FOLDER_IMAGE_SIZE = 224;

/** Whether a run's data is one of the data sets that have names; otherwise it is a folder. */
export const isDatasetName = (data: string): data is DatasetName =>
  datasetNames.includes(data as DatasetName);

/** The peak learning rate of a run unless it is given. */
export const defaultLearningRate = ({
  topology,
  optimizer,
}: Pick<JobSettings, "topology" | "optimizer">): number =>
  (topology === "vgg" ? VGG_LEARNING_RATES : LEARNING_RATES)[optimizer];

/** The model of a run. Throws ShapeError where it cannot be made for the data, or has no features to cache. */
export function modelOf(
  { topology, backbone, frozen, cacheFeatures }: JobSettings,
  { shape, classes, normalize }: Pick<Dataset, "shape" | "classes"> & Partial<Pick<Dataset, "normalize">>,
): Model {
  const model = createModel(topology, {
    inputShape: shape,
    classes: classes.length,
    ...(normalize && {
      preprocessing: { resize: Math.min(shape[0], shape[1]), mode: "torch", ...normalize },
    }),
    ...(backbone !== undefined && { backbone }),
    ...(frozen && { frozen }),
  });
  if (cacheFeatures) checkFeatures(model);
  return model;
}

function checkFeatures(model: Model): void {
  try {
    splitModel(model);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const { message } = error;
    throw new ShapeError(model.name, "only of a frozen first part can the features be cached", message);
  }
}

/** Topologies that have no backbone. */
const PLAIN = ["interleaved", "convnet"];

/** Settings from outside, checked. Throws WebgraftError with the first thing that is wrong. */
export function checkSettings(given: unknown): JobSettings {
  const {
    topology,
    backbone,
    frozen,
    weights,
    data,
    fingerprint,
    imageSize,
    examples,
    perClass,
    augment,
    cacheFeatures,
    epochs,
    batch,
    microBatches,
    recompute,
    precision,
    lr,
    optimizer,
    seed,
    testExamples,
  }: Record<string, unknown> = typeof given === "object" && given !== null ? { ...given } : {};
  const settings: JobSettings = {
    topology: oneOf("topology", topology, topologyNames()),
    ...(backbone !== undefined && { backbone: oneOf("backbone", backbone, backboneNames()) }),
    ...(frozen !== undefined && { frozen: texts("frozen", frozen) }),
    ...(weights !== undefined && { weights: texts("weights", weights) }),
    data: dataOf(data),
    ...(fingerprint !== undefined && { fingerprint: word("fingerprint", fingerprint) }),
    ...(imageSize !== undefined && { imageSize: count("imageSize", imageSize) }),
    ...(examples !== undefined && { examples: count("examples", examples) }),
    ...(perClass !== undefined && { perClass: count("perClass", perClass) }),
    ...(augment !== undefined && {
      augment: texts("augment", augment).map((kind) => oneOf("augment", kind, augmentKinds)),
    }),
    ...(cacheFeatures !== undefined && { cacheFeatures: flag("cacheFeatures", cacheFeatures) }),
    epochs: count("epochs", epochs),
    batch: count("batch", batch),
    ...(microBatches !== undefined && { microBatches: count("microBatches", microBatches) }),
    ...(recompute !== undefined && { recompute: flag("recompute", recompute) }),
    ...(precision !== undefined && { precision: oneOf("precision", precision, precisions) }),
    lr: positive("lr", lr),
    optimizer: oneOf("optimizer", optimizer, optimizerNames),
    seed: word("seed", seed),
    ...(testExamples !== undefined && { testExamples: count("testExamples", testExamples) }),
  };
  if (settings.examples !== undefined && settings.perClass !== undefined) {
    throw new WebgraftError(
      `settings: examples and perClass exclude each other — got ${settings.examples} and ${settings.perClass}`,
    );
  }
  if (settings.examples !== undefined) checkBatch(settings, settings.examples);
  if (settings.cacheFeatures && settings.augment?.length) {
    throw new WebgraftError(
      "settings: images that change have other features each time, which cannot be cached — " +
        `cacheFeatures with augment ${settings.augment.join(", ")}`,
    );
  }
  if (settings.batch % (settings.microBatches ?? 1) !== 0) {
    throw new WebgraftError(
      "settings: a batch must be a whole number of micro-batches — " +
        `batch ${settings.batch}, microBatches ${settings.microBatches}`,
    );
  }
  if (settings.backbone !== undefined && PLAIN.includes(settings.topology)) {
    throw new WebgraftError(
      `settings: ${settings.topology} has no backbone — got ${settings.backbone}; choose another topology`,
    );
  }
  return settings;
}

/** Throws WebgraftError where a batch has more than all training images. */
export function checkBatch({ batch }: Pick<JobSettings, "batch">, examples: number): void {
  if (batch <= examples) return;
  throw new WebgraftError(`settings: a batch is larger than the data — batch ${batch}, examples ${examples}`);
}

function oneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T;
  throw new WebgraftError(`settings: unknown ${name} ${show(value)} — there are ${known.join(", ")}`);
}

/** A folder is told from a misspelt name by its slash. */
function dataOf(value: unknown): string {
  return typeof value === "string" && /[/\\]/.test(value) ? value : oneOf("data", value, datasetNames);
}

function texts(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === "string" && text !== "")) return value;
  throw new WebgraftError(`settings: ${name} must be a list of texts — got ${show(value)}`);
}

function flag(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new WebgraftError(`settings: ${name} must be true or false — got ${show(value)}`);
}

function count(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value);
  throw new WebgraftError(`settings: ${name} must be a positive whole number — got ${show(value)}`);
}

function positive(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new WebgraftError(`settings: ${name} must be a positive number — got ${show(value)}`);
}

/** Seeds go to the GPU as 32 bits. */
function word(name: string, value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32) return Number(value);
  throw new WebgraftError(`settings: ${name} must be a whole number of 32 bits — got ${show(value)}`);
}

const show = (value: unknown): string => JSON.stringify(value) ?? "nothing";

import type { Dataset } from "../data/dataset.ts";
import { type DatasetName, datasetNames } from "../data/load.ts";
import { WebgraftError } from "../errors.ts";
import { backboneNames } from "../models/backbones.ts";
import type { Model } from "../models/model.ts";
import { createModel, topologyNames } from "../models/topologies.ts";
import type { JobSettings, OptimizerName } from "./protocol.ts";

export const optimizerNames: readonly OptimizerName[] = ["sgd", "adam", "adamw"];

/** Peak learning rates that suit the topologies here. */
export const defaultLearningRates: Readonly<Record<OptimizerName, number>> = {
  sgd: 0.03,
  adam: 0.003,
  adamw: 0.003,
};

/** MNIST to more than 97.5 % in minutes, even on a GPU emulated by two CPU cores. */
export const defaultSettings: JobSettings = {
  topology: "interleaved",
  data: "mnist",
  examples: 12_000,
  epochs: 1,
  batch: 16,
  lr: defaultLearningRates.adamw,
  optimizer: "adamw",
  seed: 1,
};

/** Height and width of the images of a folder, unless settings say others. */
export const FOLDER_IMAGE_SIZE = 224;

/** Whether a run's data is one of the data sets that have names; otherwise it is a folder. */
export const isDatasetName = (data: string): data is DatasetName =>
  datasetNames.includes(data as DatasetName);

/** The model of a run. Throws ShapeError where it cannot be made for the data. */
export function modelOf(
  { topology, backbone, frozen }: JobSettings,
  { shape, classes, normalize }: Pick<Dataset, "shape" | "classes"> & Partial<Pick<Dataset, "normalize">>,
): Model {
  return createModel(topology, {
    inputShape: shape,
    classes: classes.length,
    ...(normalize && {
      preprocessing: { resize: Math.min(shape[0], shape[1]), mode: "torch", ...normalize },
    }),
    ...(backbone !== undefined && { backbone }),
    ...(frozen && { frozen }),
  });
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
    epochs,
    batch,
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
    examples: count("examples", examples),
    epochs: count("epochs", epochs),
    batch: count("batch", batch),
    lr: positive("lr", lr),
    optimizer: oneOf("optimizer", optimizer, optimizerNames),
    seed: word("seed", seed),
    ...(testExamples !== undefined && { testExamples: count("testExamples", testExamples) }),
  };
  if (settings.batch > settings.examples) {
    throw new WebgraftError(
      `settings: a batch is larger than the data — batch ${settings.batch}, examples ${settings.examples}`,
    );
  }
  if (settings.backbone !== undefined && PLAIN.includes(settings.topology)) {
    throw new WebgraftError(
      `settings: ${settings.topology} has no backbone — got ${settings.backbone}; choose another topology`,
    );
  }
  return settings;
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

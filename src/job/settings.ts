import { ShapeError, WebgraftError } from "../base/errors.ts";
import { namesOf } from "../base/names.ts";
import {
  check,
  count,
  flag,
  list,
  object,
  oneOf,
  optional,
  positive,
  type TypeOf,
  text,
  value,
  whole,
} from "../base/schema.ts";
import type { Dataset } from "../data/dataset.ts";
import { type DatasetName, datasetNames } from "../data/load.ts";
import { precisions } from "../graph/graph.ts";
import { backboneNames, createBackbone } from "../models/backbones/backbones.ts";
import type { Model } from "../models/model.ts";
import { shortcutsNames } from "../models/topologies/stacked.ts";
import { createModel, topologies, topologyNames } from "../models/topologies/topologies.ts";
import { optimizers } from "../optimizers/index.ts";
import { splitModel } from "../transfer/split.ts";
import { augmentKinds } from "./augmentation.ts";

/** Whether a run's data is a data set with a name; otherwise it is a folder. */
export const isDatasetName = (data: unknown): data is DatasetName =>
  datasetNames.includes(data as DatasetName);

/** Seeds reach the GPU as 32 bits. */
const uint32 = whole(0, 2 ** 32 - 1);

/** What each setting must be. */
export const settingRules = {
  topology: oneOf(topologyNames()),
  /** The name of a data set, or the path of a folder of images on the machine of the command line. */
  data: value<string>(
    `${datasetNames.join(", ")} or the path of a folder, with a slash in it`,
    (value) => isDatasetName(value) || (text.accepts(value) && /[/\\]/.test(value)),
  ),
  epochs: count,
  batch: count,
  /** Peak learning rate of the schedule. */
  lr: positive,
  optimizer: oneOf(namesOf(optimizers)),
  seed: uint32,
  /** The backbone in the topology. Default: the one that the topology takes for images of this size. */
  backbone: optional(oneOf(backboneNames())),
  /** Factor of the channels of a MobileNet, as torchvision's `width_mult`. Default 1. */
  widthMult: optional(positive),
  /** The eps of a MobileNet's batch norms. Default: torchvision's. */
  bnEps: optional(positive),
  /** Layers of `stacked`, which no other topology takes. Default 14. */
  depth: optional(count),
  /** Which pairs of convolutions of `stacked` have a shortcut. Default `alternate`. */
  shortcuts: optional(oneOf(shortcutsNames)),
  /** Patterns of the names of parameters that do not train, as `freeze` takes them. */
  frozen: optional(list(text)),
  /** Files of weights to start from: addresses, or paths on the machine of the command line. */
  weights: optional(list(text)),
  /** Whether to load what fits of files of weights that fit by half. Default: they are an error. */
  partialWeights: optional(flag),
  /** A hash of the file names in a folder of images, so that a resumed run notices when they have changed. */
  fingerprint: optional(uint32),
  /** Height and width that images are resized to. Default: 224 in a folder, otherwise the size that they have. */
  imageSize: optional(count),
  /** Whether to go on without the images of a folder that cannot be decoded. Default: they are named, and the run ends. */
  skipBroken: optional(flag),
  /** How many training images are used, from the first on. Default: all, unless `perClass` is given. */
  examples: optional(count),
  /** How many training images of each class are used, chosen by the seed. */
  perClass: optional(count),
  /** Random changes of the training images. */
  augment: optional(list(oneOf(augmentKinds))),
  /** Whether to run the frozen part of the model once over the images and train the rest on its features. */
  cacheFeatures: optional(flag),
  /** Equal parts in which a batch goes through the model, to save memory. Default 1. */
  microBatches: optional(count),
  /** Whether to compute activations again for the backward pass, to save memory. */
  recompute: optional(flag),
  /** How activations and their gradients are stored. Default `f32`. */
  precision: optional(oneOf(precisions)),
  /** How many test images are evaluated, from the first on. Default: all. */
  testExamples: optional(count),
  /** Steps after which a sample of the test images is evaluated, again and again. Default: never. */
  sampleEvery: optional(count),
  /** How many test images the sample has, from the first on. Default 256, or all if there are fewer. */
  sampleExamples: optional(count),
  /** Whether steps tell the norm of each parameter's gradient. */
  gradientNorms: optional(flag),
  /** Whether steps tell how much each parameter changed, the norm of its update divided by its own. */
  updateRatios: optional(flag),
};

const settingsSchema = object(settingRules);

/** The settings of a run, as plain data. */
export interface JobSettings extends TypeOf<typeof settingsSchema> {}

/** MNIST to more than 97.5 % within minutes, even on a GPU emulated by two CPU cores. */
export const defaultSettings: JobSettings = {
  topology: "interleaved",
  data: "mnist",
  examples: 12_000,
  epochs: 1,
  batch: 16,
  lr: optimizers.adamw.learningRate,
  optimizer: "adamw",
  seed: 1,
};

/** Height and width of the images of a folder, unless settings give another. */
export const FOLDER_IMAGE_SIZE = 224;

/** The peak learning rate of a run unless one is given. */
export function defaultLearningRate({
  topology,
  optimizer,
}: Pick<JobSettings, "topology" | "optimizer">): number {
  const { learningRate, wideHeadRate } = optimizers[optimizer];
  return topologies[topology].wideHead ? wideHeadRate : learningRate;
}

/** The model of a run. Throws ShapeError if it cannot be made for the data, or has no features to cache. */
export function modelOf(
  { topology, backbone, widthMult, bnEps, depth, shortcuts, frozen, cacheFeatures }: JobSettings,
  { shape, classes, normalize }: Pick<Dataset, "shape" | "classes"> & Partial<Pick<Dataset, "normalize">>,
): Model {
  const variant = {
    ...(widthMult !== undefined && { widthMult }),
    ...(bnEps !== undefined && { norm: { eps: bnEps } }),
  };
  const isVaried = Object.keys(variant).length > 0;
  const chosen = backbone ?? (isVaried ? topologies[topology].backbone?.standard(shape) : undefined);
  const model = createModel(topology, {
    inputShape: shape,
    classes: classes.length,
    ...(normalize && {
      preprocessing: { resize: Math.min(shape[0], shape[1]), mode: "torch", ...normalize },
    }),
    ...(chosen !== undefined && {
      backbone: { ...(typeof chosen === "string" ? { name: chosen } : chosen), ...variant },
    }),
    ...(depth !== undefined && { depth }),
    ...(shortcuts !== undefined && { shortcuts }),
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
    throw new ShapeError(
      model.name,
      "only the features of a frozen first part can be cached; freeze it",
      message,
    );
  }
}

/** Settings from outside, checked. Throws WebgraftError for the first thing that is wrong. */
export function checkSettings(given: unknown): JobSettings {
  const values = check(settingsSchema, { ...Object(given) }, "settings", WebgraftError);
  const names = (Object.keys(settingRules) as (keyof JobSettings)[]).filter(
    (name) => values[name] !== undefined,
  );
  const settings = Object.fromEntries(names.map((name) => [name, values[name]])) as unknown as JobSettings;
  if (settings.examples !== undefined && settings.perClass !== undefined) {
    throw new WebgraftError(
      `settings: got examples ${settings.examples} and perClass ${settings.perClass} — give only one of them`,
    );
  }
  if (settings.examples !== undefined) checkBatch(settings, settings.examples);
  if (settings.cacheFeatures && settings.augment?.length) {
    throw new WebgraftError(
      `settings: got cacheFeatures with augment ${settings.augment.join(", ")} — drop one, since augmented images ` +
        "have different features each time",
    );
  }
  if (settings.batch % (settings.microBatches ?? 1) !== 0) {
    throw new WebgraftError(
      `settings: microBatches must divide batch — got batch ${settings.batch}, microBatches ${settings.microBatches}`,
    );
  }
  if (settings.skipBroken && isDatasetName(settings.data)) {
    throw new WebgraftError(
      `settings: got skipBroken with data ${settings.data} — drop it, since only a folder may have broken images`,
    );
  }
  if (settings.partialWeights && !settings.weights?.length)
    throw new WebgraftError("settings: got partialWeights without weights — give both, or neither");
  if (settings.backbone !== undefined && !topologies[settings.topology].backbone) {
    throw new WebgraftError(
      `settings: got backbone ${settings.backbone}, but ${settings.topology} has none — choose another topology`,
    );
  }
  if (settings.sampleExamples !== undefined && settings.sampleEvery === undefined) {
    throw new WebgraftError(
      `settings: got sampleExamples ${settings.sampleExamples} without sampleEvery — give both, or neither`,
    );
  }
  for (const name of ["widthMult", "bnEps"] as const) {
    if (settings[name] !== undefined && !hasMobilenet(settings)) {
      throw new WebgraftError(
        `settings: got ${name} ${settings[name]}, but ${settings.backbone ?? settings.topology} does not take it — ` +
          "choose backbone mobilenet_v2 or mobilenet_v3_small",
      );
    }
  }
  for (const name of ["depth", "shortcuts"] as const) {
    if (settings[name] !== undefined && settings.topology !== "stacked") {
      throw new WebgraftError(
        `settings: got ${name} ${settings[name]}, but ${settings.topology} does not take it — choose stacked`,
      );
    }
  }
  return settings;
}

/** Whether the backbone, given or a topology's own, is a MobileNet. */
function hasMobilenet({ topology, backbone }: JobSettings): boolean {
  const chosen =
    backbone ?? topologies[topology].backbone?.standard([FOLDER_IMAGE_SIZE, FOLDER_IMAGE_SIZE, 3]);
  return chosen !== undefined && createBackbone(chosen).family === "mobilenet";
}

/** Throws WebgraftError if a batch would be larger than the training data. */
export function checkBatch({ batch }: Pick<JobSettings, "batch">, examples: number): void {
  if (batch <= examples) return;
  throw new WebgraftError(`settings: got batch ${batch} of ${examples} images — take batch ≤ ${examples}`);
}

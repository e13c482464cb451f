/**
 * Model files: safetensors files with a trained model's weights, as `saveWeights` writes them, and with a description
 * of the model in the metadata, as JSON under `webgraft`: the topology with its options, preprocessing, labels, and
 * whether those exclude each other.
 * Checkpoints have the same description.
 */
import { WeightsError } from "../base/errors.ts";
import {
  anyObject,
  count,
  list,
  number,
  object,
  oneOf,
  optional,
  parseJson,
  positive,
  string,
  type TypeOf,
} from "../base/schema.ts";
import { VERSION } from "../base/version.ts";
import type { Gpu } from "../gpu/device.ts";
import { inspect, type Model } from "../models/model.ts";
import { createModel } from "../models/topologies/topologies.ts";
import { openSafetensors } from "../weights/file.ts";
import { fileShape } from "../weights/layout.ts";
import { encodeWeights, readTensors, readWeights, type WeightsTarget } from "../weights/load.ts";
import { isBatchCount } from "../weights/names.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import { decodeSafetensors, float32Values } from "../weights/safetensors.ts";
import type { OpenOptions, WeightsSource } from "../weights/source.ts";
import { Predictor } from "./predictor.ts";

/** What a model file holds besides the model. */
export interface ModelInfo {
  /** The names of classes 0, 1, … */
  readonly labels?: readonly string[];
}

/** Makes the models that files name; give one for your own topologies. */
export type ModelMaker = (name: string, options: Readonly<Record<string, unknown>>) => Model;

/** What a model file holds besides the weights, and in which type. */
export interface SaveModelOptions extends ModelInfo {
  /** Default F32. */
  readonly dtype?: "F32" | "F16";
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default `createModel`. */
  readonly create?: ModelMaker;
}

/** Where to load a model, and how to make it. */
export interface LoadModelOptions extends OpenOptions, ReadOptions {
  readonly gpu: Gpu;
  /** Images that the GPU processes at once. Default 1. */
  readonly batchSize?: number;
  /** Default `createModel`. */
  readonly create?: ModelMaker;
}

/** A model that is ready to predict, with what its file says about it. */
export interface LoadedModel extends ModelInfo {
  readonly model: Model;
  readonly predictor: Predictor;
  /** The version of the library that wrote the file. */
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const KEY = "webgraft";
const MOMENTS = "optimizer.";

/**
 * Makes a model file of a Trainer or Predictor. Throws WeightsError if the model's name and options do not make the
 * same model again once they have been through JSON, and NonFiniteError if a weight is NaN or infinite.
 */
export async function saveModel(
  target: WeightsTarget & { readonly model: Model },
  options: SaveModelOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { dtype = "F32", metadata = {}, create = createModel, ...info } = options;
  const { model, weights, variables } = target;
  const described = describeModel(model, info);
  const shapes = (list: WeightsTarget["weights"]): string =>
    list.map((variable) => `${variable.name} (${fileShape(variable).join(", ")})`).join("; ");
  const again = rebuild(readDescription(described, model.name), create, model.name);
  if (shapes(again.weights) !== shapes(weights)) {
    throw new WeightsError(
      `${model.name}: its name and options make a different model, so it could not be loaded; use saveWeights instead`,
    );
  }
  return encodeWeights(await readTensors(variables, weights), dtype, { ...metadata, ...described });
}

/**
 * Makes a model file of a checkpoint or another model file, without what only further training needs. Throws
 * WeightsError for anything but a safetensors file, and NonFiniteError if a weight is NaN or infinite.
 */
export function modelFile(
  checkpoint: Uint8Array,
  metadata: Readonly<Record<string, string>> = {},
  dtype: "F32" | "F16" = "F32",
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata: own } = decodeSafetensors(checkpoint, "checkpoint");
  // Batch counts are written again with the weights.
  const kept = [...tensors].filter(([name]) => !name.startsWith(MOMENTS) && !isBatchCount(name));
  const weights = new Map(
    kept.map(([name, stored]) => [name, { shape: stored.shape, data: float32Values(name, stored) }]),
  );
  return encodeWeights(weights, dtype, { ...metadata, ...(own[KEY] && { [KEY]: own[KEY] }) });
}

/**
 * Loads a model file or a checkpoint, ready to predict. The caller destroys `predictor`. Throws WeightsError if the
 * file does not describe its model, or if its weights do not fit it.
 */
export async function loadModel(source: WeightsSource, options: LoadModelOptions): Promise<LoadedModel> {
  const { gpu, batchSize = 1, create = createModel } = options;
  const file = await openSafetensors(source, options);
  const description = readDescription(file.metadata, file.name);
  const { model, weights } = rebuild(description, create, file.name);
  // Uses the GPU only once the file is known to hold what it describes.
  const { values } = await readWeights(weights, file, {
    ...options,
    map: (name) => (name.startsWith(MOMENTS) ? undefined : name),
  });
  const predictor = await Predictor.create({ gpu, model, batchSize });
  for (const { name, tensor } of predictor.weights) predictor.variables.write(tensor, values.get(name)!);
  const { version, labels } = description;
  return { model, predictor, version, metadata: file.metadata, ...(labels && { labels }) };
}

/** The metadata that describes a model. */
export function describeModel(model: Model, { labels }: ModelInfo): Record<string, string> {
  const { name, options, preprocessing, classifierActivation } = model;
  const described = { version: VERSION, name, options, labels, preprocessing, classifierActivation };
  return { [KEY]: JSON.stringify(described) };
}

const descriptionSchema = object({
  version: string,
  name: string,
  options: anyObject,
  labels: optional(list(string)),
  preprocessing: optional(
    object({ resize: count, mode: oneOf(["torch", "caffe"]), mean: list(number), std: list(positive) }),
  ),
  classifierActivation: optional(oneOf(["softmax", "sigmoid"])),
});

type Description = TypeOf<typeof descriptionSchema>;

/** The description of the model in a file's metadata. */
function readDescription(metadata: Readonly<Record<string, string>>, source: string): Description {
  const text = metadata[KEY];
  if (text === undefined) {
    throw new WeightsError(
      `${source}: does not describe its model — only model files and checkpoints of this library do; load the ` +
        "weights of other files with loadWeights",
    );
  }
  return parseJson(descriptionSchema, text, `${source}: the description of the model`, WeightsError);
}

/** Makes the model of a description. Throws WeightsError if it cannot be made. */
function rebuild(
  { name, options, preprocessing, classifierActivation, labels }: Description,
  create: ModelMaker,
  source: string,
): { readonly model: Model; readonly weights: WeightsTarget["weights"] } {
  let model: Model;
  let graph: ReturnType<typeof inspect>;
  try {
    model = {
      ...create(name, options),
      ...(preprocessing && { preprocessing }),
      ...(classifierActivation && { classifierActivation }),
    };
    graph = inspect(model);
  } catch (error) {
    // Options from a file may be of any type, so any error can occur.
    throw new WeightsError(`${source}: cannot make its model — ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (labels && labels.length !== model.classes) {
    throw new WeightsError(`${source}: ${labels.length} labels for ${model.classes} classes`);
  }
  const channels = model.inputShape[2];
  for (const list of preprocessing ? [preprocessing.mean, preprocessing.std] : []) {
    if (list.length !== channels) {
      throw new WeightsError(`${source}: preprocessing of ${list.length} channels for images of ${channels}`);
    }
  }
  return { model, weights: [...graph.parameters, ...graph.states] };
}

/**
 * Model files: one safetensors file with a trained model's weights as `saveWeights` writes them, and in its metadata,
 * as JSON under `webgraft`, what makes it run: the topology with its options, preprocessing and labels. Checkpoints
 * carry the same description.
 */
import { WeightsError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import type { Gpu } from "../gpu/device.ts";
import { inspect, type Model } from "../models/model.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import { createModel } from "../models/topologies/topologies.ts";
import { openSafetensors } from "../weights/file.ts";
import { fileShape } from "../weights/layout.ts";
import { encodeWeights, readTensors, readWeights, type WeightsTarget } from "../weights/load.ts";
import { isBatchCount } from "../weights/names.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import { decodeSafetensors, float32Values, isRecord, parseRecord } from "../weights/safetensors.ts";
import type { OpenOptions, WeightsSource } from "../weights/source.ts";
import { Predictor } from "./predictor.ts";

/** What belongs to a model besides its weights. */
export interface ModelInfo {
  /** What class 0, 1, … is called. */
  readonly labels?: readonly string[];
}

/** Makes the models that files name; for topologies of one's own. */
export type ModelMaker = (name: string, options: Readonly<Record<string, unknown>>) => Model;

export interface SaveModelOptions extends ModelInfo {
  /** Default F32. */
  readonly dtype?: "F32" | "F16";
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default `createModel`. */
  readonly create?: ModelMaker;
}

export interface LoadModelOptions extends OpenOptions, ReadOptions {
  readonly gpu: Gpu;
  /** Images that the GPU works on at once. Default 1. */
  readonly batchSize?: number;
  /** Default `createModel`. */
  readonly create?: ModelMaker;
}

/** A model that is ready to predict, with what its file says of it. */
export interface LoadedModel extends ModelInfo {
  readonly model: Model;
  readonly predictor: Predictor;
  /** Of the library that wrote the file. */
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const KEY = "webgraft";
const MOMENTS = "optimizer.";

/**
 * A model file of a Trainer or Predictor. Throws WeightsError where its name and options, as JSON keeps them, do not
 * make the same model again.
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
      `${model.name}: its options make another model, so it cannot be loaded back; save its weights instead`,
    );
  }
  return encodeWeights(await readTensors(variables, weights), dtype, { ...metadata, ...described });
}

/**
 * The trained model of a checkpoint or model file as a model file, without what only further training needs. Throws
 * WeightsError for a file that is no safetensors file.
 */
export function modelFile(
  checkpoint: Uint8Array,
  metadata: Readonly<Record<string, string>> = {},
  dtype: "F32" | "F16" = "F32",
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata: own } = decodeSafetensors(checkpoint, "checkpoint");
  // The counts of batches are written anew with the weights.
  const kept = [...tensors].filter(([name]) => !name.startsWith(MOMENTS) && !isBatchCount(name));
  const weights = new Map(
    kept.map(([name, stored]) => [name, { shape: stored.shape, data: float32Values(name, stored) }]),
  );
  return encodeWeights(weights, dtype, { ...metadata, ...(own[KEY] && { [KEY]: own[KEY] }) });
}

/**
 * Loads a model file, or a checkpoint, and makes it ready to predict. The caller destroys `predictor`. Throws
 * WeightsError for a file that does not say which model it holds, and where its weights are not that model's.
 */
export async function loadModel(source: WeightsSource, options: LoadModelOptions): Promise<LoadedModel> {
  const { gpu, batchSize = 1, create = createModel } = options;
  const file = await openSafetensors(source, options);
  const description = readDescription(file.metadata, file.name);
  const { model, weights } = rebuild(description, create, file.name);
  // The GPU is asked for nothing before the file has turned out to have what it describes.
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
  const { name, options, preprocessing } = model;
  return { [KEY]: JSON.stringify({ version: VERSION, name, options, labels, preprocessing }) };
}

interface Description extends ModelInfo {
  readonly version: string;
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly preprocessing?: Preprocessing;
}

/** What a file's metadata says of its model. */
function readDescription(metadata: Readonly<Record<string, string>>, source: string): Description {
  const text = metadata[KEY];
  if (text === undefined) {
    throw new WeightsError(
      `${source}: does not say which model it holds — only model files and checkpoints of this library do; ` +
        "of others the weights can be loaded with loadWeights",
    );
  }
  const description = parseRecord(new TextEncoder().encode(text), `${source}: the description of the model`);
  const { version, name, options, labels, preprocessing } = description;
  const isTexts = Array.isArray(labels) && labels.every((label) => typeof label === "string");
  if (
    typeof version !== "string" ||
    typeof name !== "string" ||
    !isRecord(options) ||
    (labels !== undefined && !isTexts) ||
    (preprocessing !== undefined && !isPreprocessing(preprocessing))
  ) {
    throw new WeightsError(`${source}: the description of the model is malformed`);
  }
  return {
    version,
    name,
    options,
    ...(isTexts && { labels }),
    ...(isPreprocessing(preprocessing) && { preprocessing }),
  };
}

function isPreprocessing(value: unknown): value is Preprocessing {
  if (!isRecord(value)) return false;
  const { resize, mode, mean, std } = value;
  const isNumbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isFinite);
  return (
    Number.isSafeInteger(resize) &&
    Number(resize) > 0 &&
    (mode === "torch" || mode === "caffe") &&
    isNumbers(mean) &&
    isNumbers(std) &&
    mean.length === std.length &&
    std.every((deviation) => deviation > 0)
  );
}

/** The model of a description, and the weights it has. */
function rebuild(
  { name, options, preprocessing, labels }: Description,
  create: ModelMaker,
  source: string,
): { readonly model: Model; readonly weights: WeightsTarget["weights"] } {
  let model: Model;
  let graph: ReturnType<typeof inspect>;
  try {
    model = { ...create(name, options), ...(preprocessing && { preprocessing }) };
    graph = inspect(model);
  } catch (error) {
    // Options from outside may be of any type.
    throw new WeightsError(`${source}: its model cannot be made — ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (labels && labels.length !== model.classes) {
    throw new WeightsError(`${source}: ${labels.length} labels for ${model.classes} classes`);
  }
  const channels = model.inputShape[2];
  if (preprocessing && preprocessing.mean.length !== channels) {
    throw new WeightsError(
      `${source}: preprocessing of ${preprocessing.mean.length} channels for images of ${channels}`,
    );
  }
  return { model, weights: [...graph.parameters, ...graph.states] };
}

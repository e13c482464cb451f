import { WeightsError } from "../errors.ts";
import { importKeras } from "../models/keras-import.ts";
import type { Model } from "../models/model.ts";
import { importOnnx } from "../models/onnx-import.ts";
import { openSafetensors, type WeightsFile } from "../weights/file.ts";
import { loadWeights, openWeights, type WeightsReport, type WeightsTarget } from "../weights/load.ts";
import { matchNames } from "../weights/names.ts";
import { type ReadOptions, readWhole } from "../weights/ranges.ts";
import { parseRecord } from "../weights/safetensors.ts";
import { MAX_INDEX_BYTES } from "../weights/shards.ts";
import { type OpenOptions, openBytes, type WeightsSource } from "../weights/source.ts";
import { type NamedWeights, openTensors } from "../weights/tensors.ts";
import { type Difference, differences } from "./conventions.ts";

/** What was loaded, and into which part of the model: all weights whose names begin with `prefix`. */
export interface PretrainedReport extends WeightsReport {
  readonly prefix: string;
  /** Of a file that says what it computes, the layers that compute something else in the model. */
  readonly differences: readonly Difference[];
}

/** Weights, or a file of them: safetensors, ONNX, or a TensorFlow.js layers model by the address of its model.json. */
export type PretrainedSource = WeightsSource | WeightsFile | NamedWeights;

/**
 * Loads weights into the part of a model that they are for: one of its backbones, or all of it. What a file is shows
 * in its content; of ONNX and Keras models the weights count by torchvision's names (`importOnnx`, `importKeras`). A
 * first convolution of colour images is adapted to grey ones and back (`adapt` of `loadWeights`). What does not fit,
 * such as the layers of another head, is left as it is and reported, and so are layers that ONNX and Keras models
 * compute otherwise, such as the strides of Keras' ResNet-50. Throws WeightsError where nothing fits.
 */
export async function loadPretrained(
  target: WeightsTarget & { readonly model: Model },
  source: PretrainedSource,
  options: OpenOptions & ReadOptions = {},
): Promise<PretrainedReport> {
  const { model, weights } = target;
  const { file, model: theirs } = await openPretrained(source, model.inputShape, options);
  const fileNames = [...file.tensors.keys()];
  const fitting = (prefix: string): number => {
    const names = weights.map(({ name }) => name).filter((name) => name.startsWith(prefix));
    return matchNames(fileNames, new Set(names.map((name) => name.slice(prefix.length)))).names.size;
  };
  let best = { prefix: "", count: -1 };
  for (const prefix of new Set(["", ...Object.keys(model.backbones ?? {})])) {
    const count = fitting(prefix);
    if (count > best.count) best = { prefix, count };
  }
  const { prefix } = best;
  const loading = { ...options, strict: false, adapt: true, prefix };
  const report = await loadWeights(target, file, loading);
  return { prefix, ...report, differences: theirs ? differences(model, prefix, theirs) : [] };
}

export interface Pretrained {
  readonly file: WeightsFile;
  /** What the file computes, where it says so. */
  readonly model?: Model;
}

/**
 * Opens what `loadPretrained` takes. `inputShape` stands for what a file leaves open of its images. Throws WeightsError
 * for a file of another kind.
 */
export async function openPretrained(
  source: PretrainedSource,
  inputShape: Model["inputShape"],
  options: OpenOptions & ReadOptions,
): Promise<Pretrained> {
  if (!isSource(source)) return { file: await openWeights(source, options) };
  const bytes = openBytes(source, options);
  const { name } = bytes;
  const { signal, onProgress } = options;
  const reading = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const opened = ({ model, weights }: { model: Model; weights: NamedWeights }): Pretrained => ({
    file: openTensors(weights, name),
    model,
  });
  const [head] = await bytes.read(
    [[0, Math.min(HEAD_BYTES, bytes.size ?? HEAD_BYTES)]],
    signal && { signal },
  );
  switch (kindOf(head!, name)) {
    case "safetensors":
      return { file: await openSafetensors(source, options) };
    case "onnx": {
      const file = await readWhole(bytes, MAX_ONNX_BYTES, reading);
      return opened(importOnnx(file, { source: name, inputShape }));
    }
    case "json": {
      const index = await readWhole(bytes, MAX_INDEX_BYTES, signal && { signal });
      if ("weight_map" in parseRecord(index, name)) return { file: await openSafetensors(source, options) };
      if (typeof source !== "string" && !(source instanceof URL)) {
        throw new WeightsError(
          `${name}: is JSON, at most the index of other files; give its address, or of a Keras model all files to ` +
            "importKeras",
        );
      }
      return opened(await importKeras(source, { source: name, inputShape, ...reading }));
    }
  }
}

const isSource = (source: PretrainedSource): source is WeightsSource =>
  !(source instanceof Map) && !(typeof source === "object" && "tensors" in source);

/** Protobuf's own limit. */
const MAX_ONNX_BYTES = 2 ** 31 - 1;

/** Of a file's beginning, to tell what it is. */
const HEAD_BYTES = 9;

/** What files begin with that people take for weights. */
const OTHERS: readonly (readonly [begin: string, is: string])[] = [
  ["PK", "a zip file, as PyTorch (.pt, .pth) and Keras (.keras) write; save the weights as safetensors"],
  ["\x89HDF", "an HDF5 file, as Keras (.h5) writes; convert it with tensorflowjs_converter"],
  ["version ", "a pointer of Git LFS instead of the file"],
  ["<", "a web page instead of the file"],
];

function kindOf(head: Uint8Array, name: string): "safetensors" | "onnx" | "json" {
  const text = String.fromCharCode(...head);
  // The length of a header and the header's first byte; JSON has no zeros.
  if (text[8] === "{" && text.slice(4, 8) === "\0\0\0\0") return "safetensors";
  if (/^\s*\{/.test(text)) return "json";
  const other = OTHERS.find(([begin]) => text.startsWith(begin))?.[1];
  // The fields of an ONNX model, which come in order: first the format's version, a number.
  if (!other && text[0] === "\x08") return "onnx";
  throw new WeightsError(
    `${name}: ${other ? `is ${other}` : "is neither safetensors nor ONNX nor a TensorFlow.js model"}`,
  );
}

import { WeightsError } from "../base/errors.ts";
import { importKeras } from "../formats/keras/import.ts";
import { importOnnx } from "../formats/onnx/import.ts";
import type { Model } from "../models/model.ts";
import type { WeightsFile } from "../weights/file.ts";
import { openWeights } from "../weights/load.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import { parseRecord } from "../weights/safetensors.ts";
import { MAX_INDEX_BYTES } from "../weights/shards.ts";
import { type OpenOptions, openBytes, type WeightsSource } from "../weights/source.ts";
import { type NamedWeights, openTensors } from "../weights/tensors.ts";
import { withNorms } from "./unfold.ts";

/** Weights, or a file of them: safetensors, ONNX, or a TensorFlow.js layers model by the address of its model.json. */
export type PretrainedSource = WeightsSource | WeightsFile | NamedWeights;

export interface Pretrained {
  readonly file: WeightsFile;
  /** Names of batch norms in the model for which the file has only biases: see `withNorms`. */
  readonly unfolded: readonly string[];
  /** What the file computes, where it says so. */
  readonly model?: Model;
}

/** The prefixes of the parts of a model that files of weights are for. */
export const partsOf = (model: Model): ReadonlySet<string> =>
  new Set(["", ...Object.keys(model.backbones ?? {})]);

/** Opens what `loadPretrained` takes, for this model. Throws WeightsError for a file of another kind. */
export async function openPretrained(
  source: PretrainedSource,
  target: Model,
  options: OpenOptions & ReadOptions,
): Promise<Pretrained> {
  const imported = (
    name: string,
    { weights, ...computes }: { readonly weights: NamedWeights; readonly model?: Model },
  ): Pretrained => {
    const { weights: all, unfolded } = withNorms(weights, target, partsOf(target));
    return { file: openTensors(all, name), unfolded, ...computes };
  };
  if (isNamed(source)) return imported(options.name ?? "weights", { weights: source });
  const opened = async (): Promise<Pretrained> => ({
    file: await openWeights(source, options),
    unfolded: [],
  });
  if (typeof source === "object" && "tensors" in source) return opened();
  const bytes = openBytes(source, options);
  const { name } = bytes;
  // What the file leaves open of its images.
  const { inputShape } = target;
  const { signal, onProgress } = options;
  const reading = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const [head] = await bytes.read(
    [[0, Math.min(HEAD_BYTES, bytes.size ?? HEAD_BYTES)]],
    signal && { signal },
  );
  switch (kindOf(head!, name)) {
    case "safetensors":
      return opened();
    case "onnx": {
      const file = await bytes.whole(MAX_ONNX_BYTES, reading);
      return imported(name, importOnnx(file, { source: name, inputShape }));
    }
    case "json": {
      const index = await bytes.whole(MAX_INDEX_BYTES, signal && { signal });
      if ("weight_map" in parseRecord(index, name)) return opened();
      if (typeof source !== "string" && !(source instanceof URL)) {
        throw new WeightsError(
          `${name}: is JSON, at most the index of other files; give its address, or of a Keras model all files to ` +
            "importKeras",
        );
      }
      return imported(name, await importKeras(source, { source: name, inputShape, ...reading }));
    }
  }
}

const isNamed = (source: PretrainedSource): source is NamedWeights => source instanceof Map;

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

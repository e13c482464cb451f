import { WeightsError } from "../base/errors.ts";
import { anyObject, parseJson, show } from "../base/schema.ts";
import { importKeras } from "../formats/keras/import.ts";
import { externalDataOf, importOnnx } from "../formats/onnx/import.ts";
import type { Model } from "../models/model.ts";
import { openSafetensors, type WeightsFile } from "../weights/file.ts";
import { type ReadOptions, tooLarge } from "../weights/ranges.ts";
import { HEAD_BYTES, mistaken } from "../weights/safetensors.ts";
import { MAX_INDEX_BYTES, openShards } from "../weights/shards.ts";
import { besideAddress, type OpenOptions, openBytes, type WeightsSource } from "../weights/source.ts";
import { type NamedWeights, openTensors } from "../weights/tensors.ts";
import { withNorms } from "./unfold.ts";

/**
 * Weights, or a weight file: safetensors, ONNX, or a TensorFlow.js layers model. What a file names, such as the `.onnx.data` or
 * the shards of a `model.json`, lies beside its address, or is given with it: all files, as a dialog gives them.
 */
export type PretrainedSource = WeightsSource | WeightsFile | NamedWeights | readonly File[];

export interface Pretrained {
  readonly file: WeightsFile;
  /** The model's names of the batch norms for which the file has only biases: see `withNorms`. */
  readonly unfolded: readonly string[];
  /** The file's own network, if it holds one. */
  readonly model?: Model;
}

/** The prefixes of the parts of a model that a weight file may be for. */
export const partsOf = (model: Model): ReadonlySet<string> =>
  new Set(["", ...Object.keys(model.backbones ?? {})]);

/** Opens what `loadPretrained` takes, for this model. Throws WeightsError for any other kind of file. */
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
  if (!isFiles(source) && typeof source === "object" && "tensors" in source)
    return { file: source, unfolded: [] };
  const main = isFiles(source) ? mainOf(source) : source;
  const beside = besides(source);
  const opened = async (): Promise<Pretrained> => ({
    file: await openSafetensors(main, options),
    unfolded: [],
  });
  const bytes = openBytes(main, options);
  const { name } = bytes;
  // Fills in what the file leaves open of its input shape.
  const { inputShape } = target;
  const { signal, onProgress, stallTimeout } = options;
  const reading = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const stalls = stallTimeout === undefined ? {} : { stallTimeout };
  const begin = async (length: number): Promise<Uint8Array> => {
    const range = [0, Math.min(length, bytes.size ?? length)] as const;
    return (await bytes.read([range], signal && { signal }))[0]!;
  };
  let head = await begin(KIND_BYTES);
  // A server that does not tell the size may have no more.
  if (mistaken(head) && bytes.size !== undefined) head = await begin(HEAD_BYTES);
  switch (kindOf(head, name)) {
    case "safetensors":
      return opened();
    case "onnx": {
      const file = await bytes.whole(MAX_ONNX_BYTES, reading);
      const externalData = await besideOnnx(file, beside, { ...options, name });
      return imported(name, importOnnx(file, { source: name, inputShape, externalData }));
    }
    case "json": {
      const index = await bytes.whole(MAX_INDEX_BYTES, signal && { signal });
      const json = parseJson(anyObject, index, name, WeightsError);
      if (Object.hasOwn(json, "weight_map") && beside) {
        if (!isFiles(source)) return opened();
        const shard = (file: string) => {
          const found = beside(file);
          if (!found) throw new WeightsError(`${name}: the file ${file} is missing`);
          return openSafetensors(found, signal && { signal });
        };
        return { file: await openShards(bytes, shard, signal ? { signal } : {}), unfolded: [] };
      }
      const message = json.error ?? json.message ?? json.detail;
      if (message !== undefined && !Object.hasOwn(json, "modelTopology")) {
        throw new WeightsError(
          `${name}: is a server's answer instead of the file, ${show(message)}; check its address, and whether it asks for a login`,
        );
      }
      if (!beside) {
        throw new WeightsError(
          `${name}: is JSON, which only refers to other files; give its address, or an array of all files`,
        );
      }
      const files = isFiles(source)
        ? new Map([...source.map((file) => [file.name, file] as const), ["model.json", main as File]])
        : (main as string | URL);
      return imported(name, await importKeras(files, { source: name, inputShape, ...reading, ...stalls }));
    }
  }
}

/** The file of a name beside another one; undefined if nothing can be there. */
type Beside = (name: string) => WeightsSource | undefined;

function besides(source: WeightsSource | readonly File[]): Beside | undefined {
  if (isFiles(source)) return (name) => source.find((file) => file.name === name);
  return typeof source === "string" || source instanceof URL
    ? (name) => besideAddress(source, name)
    : undefined;
}

/** The file that names the others. Throws WeightsError if that is not clear. */
function mainOf(files: readonly File[]): File {
  const known = files.length === 1 ? files : files.filter(({ name }) => /\.(onnx|json)$/i.test(name));
  if (known.length === 1) return known[0]!;
  const given = files.map(({ name }) => name).join(", ") || "none";
  throw new WeightsError(
    `of several files, one must be the model, a .onnx or .json, and the others what it names — got ${given}`,
  );
}

/** The files that an ONNX file names and that are there. */
async function besideOnnx(
  file: Uint8Array,
  beside: Beside | undefined,
  options: OpenOptions & ReadOptions,
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const { name: source, onProgress, ...opening } = options;
  for (const [part, end] of beside ? externalDataOf(file, source) : []) {
    const place = beside?.(part);
    if (place === undefined) continue;
    const bytes = openBytes(place, opening);
    const reading = {
      ...(options.signal && { signal: options.signal }),
      onProgress: (loaded: number, total: number) => onProgress?.(file.length + loaded, file.length + total),
    };
    if (!Number.isFinite(end)) found.set(part, await bytes.whole(MAX_ONNX_BYTES, reading));
    else if (end > MAX_ONNX_BYTES) throw new WeightsError(`${bytes.name}: ${tooLarge(end, MAX_ONNX_BYTES)}`);
    else found.set(part, (await bytes.read([[0, end]], reading))[0]!);
  }
  return found;
}

const isNamed = (source: PretrainedSource): source is NamedWeights => source instanceof Map;

const isFiles = (source: PretrainedSource): source is readonly File[] => Array.isArray(source);

/** Protobuf's own limit. */
const MAX_ONNX_BYTES = 2 ** 31 - 1;

/** Bytes at a file's beginning that tell the kinds that are read. */
const KIND_BYTES = 9;

function kindOf(head: Uint8Array, name: string): "safetensors" | "onnx" | "json" {
  const text = String.fromCharCode(...head);
  // The header's length, whose upper bytes are zero, and its first byte.
  if (text[8] === "{" && text.slice(4, 8) === "\0\0\0\0") return "safetensors";
  if (/^\s*\{/.test(text)) return "json";
  const other = mistaken(head);
  // An ONNX model begins with its first field, the format's version, a number.
  if (!other && text[0] === "\x08") return "onnx";
  throw new WeightsError(`${name}: ${other ?? "is neither safetensors nor ONNX nor a TensorFlow.js model"}`);
}

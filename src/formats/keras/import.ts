import { WeightsError } from "../../base/errors.ts";
import type { Model } from "../../models/model.ts";
import type { WeightsSource } from "../../weights/source.ts";
import type { NamedWeights } from "../../weights/tensors.ts";
import { KerasImporter } from "./importer.ts";
import { decodeGroup, parseKeras } from "./layers-model.ts";

export interface ImportKerasOptions {
  /** The model's name in errors. Default: its address, or "model.json". */
  readonly source?: string;
  /** Fills in what the file leaves open of its input shape; what the file fixes stays. */
  readonly inputShape?: Model["inputShape"];
  readonly signal?: AbortSignal;
  /** Called after each weight file, with the bytes read so far. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/**
 * Imports a Keras model in TensorFlow.js' layers format: the network, with its own padding, strides and eps, and its
 * weights in PyTorch's layouts. `files` is the address of a model.json, with its shards beside it, or all files by
 * name. The layers of Keras' ResNets and VGGs get torchvision's names, and the network gets their preprocessing;
 * other layers keep their names. A softmax at the end is left out, since models give logits; a network without a top
 * gets a global average pool.
 *
 * Throws WeightsError for malformed files, for unknown layers, listing them all, for graph models, and if weights are
 * missing or of the wrong shape.
 */
export async function importKeras(
  files: string | URL | ReadonlyMap<string, WeightsSource>,
  options: ImportKerasOptions = {},
): Promise<{ readonly model: Model; readonly weights: NamedWeights }> {
  const byName = files instanceof Map;
  const address = byName ? "" : String(files);
  const source = options.source ?? (byName ? "model.json" : address.replace(/[?#].*$/s, ""));
  const read = async (name: string): Promise<Uint8Array> => {
    options.signal?.throwIfAborted();
    const place = byName
      ? (files as ReadonlyMap<string, WeightsSource>).get(name)
      : address.replace(/[^/?#]*(?=[?#]|$)/, (own) => (name === MODEL ? own : name));
    if (place === undefined) throw new WeightsError(`${source}: the file ${name} is missing`);
    return bytesOf(place, `${source}: ${name}`, options.signal);
  };
  const file = parseKeras(await read(MODEL), source);
  const importer = new KerasImporter(file, source);
  const total = importer.bytes;
  let loaded = 0;
  for (const group of file.groups) {
    const shards: Uint8Array[] = [];
    for (const path of group.paths) {
      const shard = await read(path);
      shards.push(shard);
      loaded += shard.length;
      options.onProgress?.(loaded, total);
    }
    importer.take(decodeGroup(group, shards, source));
  }
  return importer.finish(options.inputShape);
}

const MODEL = "model.json";

async function bytesOf(
  source: WeightsSource,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  try {
    const response = await fetch(source, signal ? { signal } : {});
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    signal?.throwIfAborted();
    throw new WeightsError(`cannot read ${name} — ${(cause as Error).message}`, { cause });
  }
}

import type { DownloadOptions } from "../../base/download.ts";
import { WeightsError } from "../../base/errors.ts";
import type { Model } from "../../models/model.ts";
import { MAX_INDEX_BYTES } from "../../weights/shards.ts";
import { besideAddress, openBytes, type WeightsSource } from "../../weights/source.ts";
import type { ImportedNetwork } from "../network-builder.ts";
import { KerasImporter } from "./importer.ts";
import { decodeGroup, type KerasGroup, parseKeras } from "./layers-model.ts";

/** How to read a layers model. */
export interface ImportKerasOptions extends DownloadOptions {
  /** The model's name in errors. Default: its address, or "model.json". */
  readonly source?: string;
  /** Fills in what the file leaves open of its input shape; what the file fixes stays. */
  readonly inputShape?: Model["inputShape"];
  /** Called after each weight file, with the bytes read so far. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/**
 * Imports a Keras model in TensorFlow.js' layers format: the network, with its own padding, strides and eps, and its
 * weights in PyTorch's layouts. `files` is the address of a model.json, with its shards beside it, or all files by
 * name. Models that are nested in it are written out, and what changes images only in training is passed over. The
 * layers of Keras' ResNets, VGGs and MobileNetV2 get torchvision's names; other layers keep their own, with those of the
 * models around them where two have the same. What the network does to its images first (Rescaling, Normalization,
 * preprocess_input) becomes the model's `preprocessing`; else it is that of the network's published weights, if those are
 * Keras'. A softmax or sigmoid at the end is left out, since models give logits: a sigmoid of several numbers makes a
 * `multiLabel` classifier, and one number one of two classes with the logits (0, x), as `assumed` says if it had none. A
 * network without a top gets a global average pool.
 *
 * Throws WeightsError for malformed files, for unknown layers, listing them all, for layers and models that are applied
 * twice, for graph models, and if weights are missing or of the wrong shape.
 */
export async function importKeras(
  files: string | URL | ReadonlyMap<string, WeightsSource>,
  options: ImportKerasOptions = {},
): Promise<ImportedNetwork> {
  const byName = files instanceof Map;
  const address = byName ? "" : String(files);
  const source = options.source ?? (byName ? "model.json" : address.replace(/[?#].*$/s, ""));
  const { signal, stallTimeout } = options;
  const read = async (name: string, most: number): Promise<Uint8Array> => {
    signal?.throwIfAborted();
    const place = byName
      ? (files as ReadonlyMap<string, WeightsSource>).get(name)
      : name === MODEL
        ? address
        : besideAddress(address, name);
    if (place === undefined) throw new WeightsError(`${source}: the file ${name} is missing`);
    const opening = { name: `${source}: ${name}`, ...(stallTimeout !== undefined && { stallTimeout }) };
    // What is on this machine takes no more memory.
    const isAddress = typeof place === "string" || place instanceof URL;
    return openBytes(place, opening).whole(isAddress ? most : Number.POSITIVE_INFINITY, signal && { signal });
  };
  const file = parseKeras(await read(MODEL, MAX_INDEX_BYTES), source);
  const importer = new KerasImporter(file, source, options.inputShape);
  const total = file.groups.reduce((sum, { entries }) => sum + bytesOf(entries), 0);
  let loaded = 0;
  for (const group of file.groups) {
    const shards: Uint8Array[] = [];
    const most = bytesOf(group.entries);
    for (const path of group.paths) {
      const shard = await read(path, most);
      shards.push(shard);
      loaded += shard.length;
      options.onProgress?.(loaded, total);
    }
    importer.take(decodeGroup(group, shards, source));
  }
  return importer.finish();
}

const MODEL = "model.json";

const bytesOf = (entries: KerasGroup["entries"]): number =>
  entries.reduce((sum, { bytes }) => sum + bytes, 0);

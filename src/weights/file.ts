/** Open weight files: their contents are known, and values are read by name. */
import type { ByteSource, ReadOptions } from "./ranges.ts";
import { float32Values, headerLength, lookUp, PREAMBLE_BYTES, parseHeader } from "./safetensors.ts";
import { openShards } from "./shards.ts";
import { type OpenOptions, openBytes, type WeightsSource } from "./source.ts";

export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
}

export interface WeightsFile {
  /** The file's name in errors. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads the values of only these tensors as f32, row-major in the file's shapes. Throws WeightsError if a name is
   * not in the file, if a tensor does not hold floats, and if the source fails.
   */
  read(names: Iterable<string>, options?: ReadOptions): Promise<Map<string, Float32Array>>;
}

/**
 * Opens a safetensors file, or a sharded one by the address of its `….safetensors.index.json`: reads the headers, but
 * no tensors. Throws WeightsError for a malformed file.
 */
export async function openSafetensors(
  source: WeightsSource,
  options: OpenOptions = {},
): Promise<WeightsFile> {
  const bytes = openBytes(source, options);
  const read = options.signal ? { signal: options.signal } : {};
  const address = typeof source === "string" || source instanceof URL ? String(source) : "";
  if (!/\.json([?#]|$)/.test(address)) return openFile(bytes, read);
  const { name: _, ...shardOptions } = options;
  return openShards(address, bytes, (shard) => openSafetensors(shard, shardOptions), read);
}

async function openFile(source: ByteSource, options: ReadOptions): Promise<WeightsFile> {
  const { name } = source;
  const [preamble] = await source.read(
    [[0, Math.min(PREAMBLE_BYTES, source.size ?? PREAMBLE_BYTES)]],
    options,
  );
  const start = PREAMBLE_BYTES + headerLength(preamble!, source.size, name);
  const [text] = await source.read([[PREAMBLE_BYTES, start]], options);
  const dataBytes = source.size === undefined ? undefined : source.size - start;
  const { tensors, metadata } = parseHeader(text!, dataBytes, name);
  return {
    name,
    tensors,
    metadata,
    async read(names, readOptions) {
      const wanted = [...new Set(names)]
        .map((tensor) => ({ tensor, ...lookUp(tensors, tensor, name) }))
        .sort((a, b) => a.begin - b.begin || a.end - b.end);
      const parts = await source.read(
        wanted.map(({ begin, end }) => [start + begin, start + end]),
        readOptions,
      );
      const values = new Map<string, Float32Array>();
      for (const [i, { tensor, dtype }] of wanted.entries()) {
        values.set(tensor, float32Values(`${name}: ${tensor}`, { dtype, bytes: parts[i]! }));
      }
      return values;
    },
  };
}

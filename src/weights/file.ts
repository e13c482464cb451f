/** Open weight files: their contents are known, and values are read by name. */
import { type ByteSource, FileChanged, type ReadOptions } from "./ranges.ts";
import { float32Values, headerLength, lookUp, PREAMBLE_BYTES, parseHeader } from "./safetensors.ts";
import { openShards } from "./shards.ts";
import { besideAddress, type OpenOptions, openBytes, type WeightsSource } from "./source.ts";

/** A tensor of a file, without its values. */
export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** An open file of weights, of which only what is asked for is read. */
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
  if (!/\.json([?#]|$)/.test(address)) return openFile(bytes, read, true);
  const { name: _, ...shardOptions } = options;
  const shard = (file: string) => openBytes(besideAddress(address, file), shardOptions);
  return openShards(bytes, (file) => openFile(shard(file), read, false), read);
}

/** `isWhole`: the file has all weights of a model, so that another version of it may take its place. */
async function openFile(source: ByteSource, options: ReadOptions, isWhole: boolean): Promise<WeightsFile> {
  const { name } = source;
  const { text, start, size } = await readHeader(source, options);
  const { tensors, metadata } = parseHeader(text, size === undefined ? undefined : size - start, name);
  /** Whether values have been read, with which those of another version must not be mixed. */
  let isUsed = !isWhole;
  let changed: FileChanged | undefined;
  return {
    name,
    tensors,
    metadata,
    async read(names, readOptions = {}) {
      const wanted = [...new Set(names)]
        .map((tensor) => ({ tensor, ...lookUp(tensors, tensor, name) }))
        .sort((a, b) => a.begin - b.begin || a.end - b.end);
      const ranges = wanted.map(({ begin, end }) => [start + begin, start + end] as const);
      if (changed) throw changed;
      let parts: Uint8Array[];
      try {
        parts = await source.read(ranges, readOptions);
      } catch (error) {
        if (!(error instanceof FileChanged)) throw error;
        changed = error;
        if (isUsed) throw error;
        // The new version serves as well if it has the same tensors in the same places.
        const now = await readHeader(source, readOptions);
        if (now.size !== size || !isEqual(now.text, text)) throw error;
        parts = await source.read(ranges, readOptions);
        changed = undefined;
      }
      isUsed ||= wanted.length > 0;
      const values = new Map<string, Float32Array>();
      for (const [i, { tensor, dtype }] of wanted.entries()) {
        values.set(tensor, float32Values(`${name}: ${tensor}`, { dtype, bytes: parts[i]! }));
      }
      return values;
    },
  };
}

interface Header {
  readonly text: Uint8Array;
  /** Where the data begin. */
  readonly start: number;
  readonly size: number | undefined;
}

async function readHeader(source: ByteSource, { signal }: ReadOptions): Promise<Header> {
  const options = signal ? { signal } : {};
  const read = async (): Promise<Header> => {
    const [preamble] = await source.read(
      [[0, Math.min(PREAMBLE_BYTES, source.size ?? PREAMBLE_BYTES)]],
      options,
    );
    const start = PREAMBLE_BYTES + headerLength(preamble!, source.size, source.name);
    const [text] = await source.read([[PREAMBLE_BYTES, start]], options);
    return { text: text!, start, size: source.size };
  };
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FileChanged)) throw error;
    return read();
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

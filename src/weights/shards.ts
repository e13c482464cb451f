/** Models stored as several files, with an index `{ weight_map: { tensor: file } }` beside them. */
import { WeightsError } from "../base/errors.ts";
import { object, parseJson, record, value } from "../base/schema.ts";
import { ELEMENT_BYTES } from "./dtypes.ts";
import type { TensorInfo, WeightsFile } from "./file.ts";
import type { ByteSource, ReadOptions } from "./ranges.ts";
import { lookUp } from "./safetensors.ts";

/** More than the index of any model that runs here. */
export const MAX_INDEX_BYTES = 16 * 2 ** 20;

/** Opens the files that an index names, which lie beside it, as one. */
export async function openShards(
  index: ByteSource,
  open: (file: string) => Promise<WeightsFile>,
  options: ReadOptions,
): Promise<WeightsFile> {
  const places = await readIndex(index, options);
  const files = new Map<string, WeightsFile>();
  for (const file of new Set(places.values())) {
    files.set(file, await open(file));
  }
  const tensors = new Map<string, TensorInfo>();
  for (const [tensor, file] of places) {
    const { name, tensors: inFile } = files.get(file)!;
    tensors.set(tensor, lookUp(inFile, tensor, name));
  }
  const bytesOf = ({ dtype, shape }: TensorInfo): number =>
    shape.reduce((product, extent) => product * extent, ELEMENT_BYTES[dtype]!);
  return {
    name: index.name,
    tensors,
    metadata: files.values().next().value?.metadata ?? {},
    async read(names, { signal, onProgress } = {}) {
      const wanted = [...new Set(names)].map((tensor) => ({
        tensor,
        file: lookUp(places, tensor, index.name),
        bytes: bytesOf(lookUp(tensors, tensor, index.name)),
      }));
      const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
      const values = new Map<string, Float32Array>();
      let before = 0;
      for (const [name, file] of files) {
        const here = wanted.filter((one) => one.file === name);
        const read = await file.read(
          here.map(({ tensor }) => tensor),
          {
            ...(signal && { signal }),
            onProgress: (loaded) => onProgress?.(before + loaded, total),
          },
        );
        for (const [tensor, numbers] of read) values.set(tensor, numbers);
        before += here.reduce((sum, { bytes }) => sum + bytes, 0);
      }
      return values;
    },
  };
}

const indexSchema = object({
  weight_map: record(
    // Only files beside the index, nowhere else.
    value<string>(
      "a .safetensors file beside the index",
      (value) => typeof value === "string" && /^[\w-][\w.-]*\.safetensors$/.test(value),
    ),
  ),
});

/** The file that holds each tensor. */
async function readIndex(index: ByteSource, options: ReadOptions): Promise<Map<string, string>> {
  const bytes = await index.whole(MAX_INDEX_BYTES, options);
  const { weight_map: map } = parseJson(indexSchema, bytes, `${index.name}: the index`, WeightsError);
  return new Map(Object.entries(map));
}

import { WeightsError } from "../base/errors.ts";
import type { WeightsFile } from "./file.ts";

/** Tensors by name, in PyTorch's layouts (layout.ts), which safetensors files have. */
export type NamedWeights = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: Float32Array }
>;

/** Presents weights in memory as a file; `name` is its name in errors. */
export const openTensors = (weights: NamedWeights, name: string): WeightsFile => ({
  name,
  tensors: new Map([...weights].map(([key, { shape }]) => [key, { dtype: "F32", shape }])),
  metadata: {},
  async read(names) {
    const values = new Map<string, Float32Array>();
    for (const key of names) {
      const tensor = weights.get(key);
      if (!tensor) throw new WeightsError(`${name}: there is no tensor ${key}`);
      values.set(key, tensor.data);
    }
    return values;
  },
});

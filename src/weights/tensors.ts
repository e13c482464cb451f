import { WeightsError } from "../base/errors.ts";
import type { WeightsFile } from "./file.ts";

/** Tensors by name, in PyTorch's layouts (layout.ts), as safetensors files hold them. */
export type NamedWeights = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: Float32Array }
>;

/** Weights in memory as a file of them; `name` is what errors call it. */
export const openTensors = (weights: NamedWeights, name: string): WeightsFile => ({
  name,
  tensors: new Map([...weights].map(([key, { shape }]) => [key, { dtype: "F32", shape }])),
  metadata: {},
  async read(names) {
    const values = new Map<string, Float32Array>();
    for (const key of names) {
      const tensor = weights.get(key);
      if (!tensor) throw new WeightsError(`${name}: no tensor is called ${key}`);
      values.set(key, tensor.data);
    }
    return values;
  },
});

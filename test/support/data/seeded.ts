import { Random } from "../../../src/base/random.ts";
import { inspect, type Model } from "../../../src/models/index.ts";
import { fileShape, toFile } from "../../../src/weights/layout.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";

/**
 * Initial weights of a model, in PyTorch's layouts, with random running statistics, unlike those of a fresh network.
 */
export function seededWeights(model: Model, seed: number): NamedWeights {
  const { parameters, states } = inspect(model);
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const variable of [...parameters, ...states]) {
    const { name, tensor, init } = variable;
    const values = init(tensor.shape, new Random(seed, name));
    const random = new Random(seed, `statistics ${name}`);
    if (name.endsWith("running_mean")) for (const i of values.keys()) values[i] = 0.2 * random.normal();
    if (name.endsWith("running_var")) for (const i of values.keys()) values[i] = 0.5 + random.uniform();
    weights.set(name, { shape: fileShape(variable), data: toFile(variable, values) });
  }
  return weights;
}

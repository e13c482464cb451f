import { Random, type Variable } from "webgraft";
import { fileShape, toFile } from "../../../src/weights/layout.ts";
import type { Case } from "../cases.ts";
import type { Problem, Weight } from "./contestant.ts";
import { describeNetwork } from "./network.ts";

/** Small enough to keep rounding errors from growing in the steps that are compared. */
const LEARNING_RATE = 0.001;

/** Random images and weights, the same for every contestant. */
export function makeProblem({ task, batch, model: make }: Case): Problem {
  const model = make();
  const network = describeNetwork(model);
  const random = new Random(1, "batch");
  const length = model.inputShape.reduce((product, extent) => product * extent, batch);
  return {
    ...network,
    ...{ task, model, batch },
    images: Float32Array.from({ length }, () => 2 * random.uniform() - 1),
    labels: Int32Array.from({ length: batch }, () => Math.floor(random.uniform() * model.classes)),
    weights: new Map(network.variables.map((variable) => [variable.name, weightOf(variable)])),
    learningRate: LEARNING_RATE,
    momentum: 0.9,
  };
}

/** Initial values. Running statistics are random instead of 0 and 1, to expose a contestant that ignores them. */
function weightOf(variable: Variable): Weight {
  const { name, tensor, init } = variable;
  const random = new Random(1, name);
  const values = init(tensor.shape, random);
  if (name.endsWith("running_mean")) for (const i of values.keys()) values[i] = random.uniform() - 0.5;
  if (name.endsWith("running_var")) for (const i of values.keys()) values[i] = random.uniform() + 0.5;
  return { shape: fileShape(variable), data: toFile(variable, values) as Float32Array<ArrayBuffer> };
}

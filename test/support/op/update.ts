/** The declaration of an optimizer, and the program that its test runs. */

import { Graph, type Precision } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import type { Op } from "../../../src/graph/op.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { type Optimizer, type Update, withUpdate } from "../../../src/optimizers/optimizer.ts";
import type { Steps } from "../../../src/plan/plan.ts";
import { size } from "../reference/ndarray.ts";
import type { Step } from "../reference/optimizers.ts";

export interface OptimizerDeclaration {
  readonly cases: readonly UpdateCase[];
  /** What the bench times, and how often it reads or writes a number per parameter, with moments and gradients. */
  readonly timed: { readonly optimizer: Optimizer; readonly streams: number };
}

export interface UpdateCase {
  readonly name: string;
  readonly optimizer: Optimizer;
  /** The reference that updates a parameter, and its factor of the learning rate. */
  reference(parameter: string): { readonly step: Step; readonly lrScale?: number };
  readonly steps?: number;
  /** The factor of the optimizer's learning rate in each step. */
  readonly schedule?: (step: number) => number;
  /** Applied to gradients before the reference sees them. */
  readonly clip?: (norm: number) => number;
  /** Small arenas, so that there are several. */
  readonly maxBindingBytes?: number;
  /** With `mixed`, gradients arrive multiplied by the loss scale. Default f32. */
  readonly precision?: Precision;
}

/** Name, shape, whether it decays by default. `big` is longer than one chunk of a norm. */
export const PARAMETERS: readonly (readonly [name: string, shape: readonly number[], decay: boolean])[] = [
  ["front.weight", [3, 3, 5, 7], true],
  ["front.bias", [7], false],
  ["big.weight", [70, 130], true],
  ["frozen.weight", [5, 5], true],
  ["unused.weight", [9], true],
  ["head.weight", [1], true],
];
export const TRAINED = PARAMETERS.filter(([name]) => !/frozen|unused/.test(name));

/** A loss whose gradient with respect to `p` is `g`. */
export const givenGradient: Op<{ p: Tensor; g: Tensor }, null, { y: Tensor }> = {
  name: "given gradient",
  infer: () => ({ y: { shape: [1] } }),
  forward() {},
  backward: (emit, { inputs: { p, g } }) => emit.pass(p, g),
};

/** One step on gradients given as inputs, `gradient of <parameter>`. */
export function updateProgram({ optimizer, maxBindingBytes = 2 ** 20, precision = "f32" }: UpdateCase): {
  readonly graph: Graph;
  readonly program: Steps;
  readonly update: Update;
} {
  const graph = new Graph({
    ...{ mode: "train", maxBindingBytes, precision },
    frozen: (name) => name.startsWith("frozen"),
    // No kernel here needs f16: everything after the loss scale is f32.
    device: { features: ["shader-f16"] },
  });
  const parameters = new Map(
    PARAMETERS.map(([name, shape, decay]) => [
      name,
      graph.parameter(name, shape, () => new Float32Array(size(shape)), decay),
    ]),
  );
  const losses = TRAINED.map(([name, shape]) => {
    const g = graph.input(`gradient of ${name}`, shape);
    return graph.apply(givenGradient, `loss of ${name}`, { p: parameters.get(name)!, g }, null).y;
  });
  const program = lower(
    graph,
    losses.map((loss) => [loss, null]),
  );
  const update = optimizer.emit(graph, program);
  return { graph, program: withUpdate(program, update), update };
}

export const programsOfUpdates = ({ cases }: OptimizerDeclaration): Steps[] =>
  cases.map((given) => updateProgram(given).program);

import { expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { type NdArray, size } from "../reference/ndarray.ts";
import { feedsOf, openProgram } from "../run/run-op.ts";
import { type OptimizerDeclaration, PARAMETERS, TRAINED, type UpdateCase, updateProgram } from "./update.ts";

/** Runs an optimizer for some steps on random gradients and compares every parameter after each. */
export function testOptimizer({ cases }: OptimizerDeclaration): void {
  for (const given of cases) it(given.name, () => check(given));
}

const values = (shape: readonly number[], name: string): Float32Array => {
  const random = new Random(17, name);
  return Float32Array.from({ length: size(shape) }, () => 2 * random.uniform() - 1);
};

/** Compares the norm of all vectors, of values up to about 1, and that of each. */
function expectNorms(actual: ArrayLike<number>, vectors: readonly Float64Array[], what: string): void {
  const all = Float64Array.from(vectors.flatMap((values) => [...values]));
  [all, ...vectors].forEach((values, i) => {
    const norm = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    // A parameter is rounded to its last place, however little is added to it.
    const rounding = 1e-7 * Math.sqrt(values.length);
    expect(Math.abs(actual[i]! - norm), `norm ${i} of ${what}`).toBeLessThan(1e-5 * norm + rounding);
  });
}

async function check(given: UpdateCase): Promise<void> {
  const { optimizer, reference, steps = 6, schedule = () => 1, clip = () => 1 } = given;
  const { graph, program, update } = updateProgram(given);
  const { variables, step: run, close } = await openProgram(program);
  variables.initialize(update.moments, 1);
  const { parameters, lossScale } = graph;
  const scale = lossScale?.init([4], new Random(1))[0] ?? 1;
  for (const { name, tensor } of parameters) variables.write(tensor, values(tensor.shape, name));

  const expected = new Map(PARAMETERS.map(([name, shape]) => [name, Float64Array.from(values(shape, name))]));
  const references = new Map(TRAINED.map(([name]) => [name, reference(name)]));
  for (let step = 1; step <= steps; step++) {
    const gradients = TRAINED.map(([name, shape]) => values(shape, `${name}, step ${step}`));
    const learningRate = optimizer.learningRate * schedule(step);
    const arriving = TRAINED.map(([name, shape], i): [string, NdArray] => [
      `gradient of ${name}`,
      { shape, data: Float64Array.from(gradients[i]!, (v) => v * scale) },
    ]);
    const outputs = await run(feedsOf(program, Object.fromEntries(arriving)), { step, learningRate });
    const norms = gradients.map((g) => Math.sqrt(g.reduce((sum, v) => sum + v * v, 0)));
    const norm = Math.hypot(...norms);
    if (outputs.gradientNorms) {
      expect(update.normed).toEqual(TRAINED.map(([name]) => name));
      [norm, ...norms].forEach((value, i) => {
        expect(Math.abs(outputs.gradientNorms![i]! / value - 1), "norm").toBeLessThan(1e-6);
      });
    }
    const before = TRAINED.map(([name]) => expected.get(name)!.slice());
    TRAINED.forEach(([name], i) => {
      const { step: advance, lrScale = 1 } = references.get(name)!;
      const g = Float64Array.from(gradients[i]!, (v) => v * clip(norm));
      advance(expected.get(name)!, g, learningRate * lrScale);
    });
    const { updateNorms, parameterNorms } = outputs;
    if (updateNorms && parameterNorms) {
      const after = TRAINED.map(([name]) => expected.get(name)!);
      const changes = after.map((values, i) => values.map((v, j) => v - before[i]![j]!));
      expectNorms(updateNorms, changes, `updates of step ${step}`);
      expectNorms(parameterNorms, after, `parameters after step ${step}`);
      expect(update.normed).toEqual(TRAINED.map(([name]) => name));
    }
    const actual = await variables.read(parameters.map(({ tensor }) => tensor));
    PARAMETERS.forEach(([name], i) => {
      const difference = actual[i]!.reduce(
        (most, v, j) => Math.max(most, Math.abs(v - expected.get(name)![j]!)),
        0,
      );
      expect(difference, `${name} after step ${step}`).toBeLessThan(3e-6);
    });
  }
  close();
}

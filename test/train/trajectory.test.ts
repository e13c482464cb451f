/**
 * Fifty training steps against PyTorch: fixtures/README.md says what is stored, and why a correct
 * implementation may differ from it by about `drift`.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { BatchLoader } from "../../src/data/batches.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { loadDataset } from "../../src/data/load.ts";
import { Graph, type Variable } from "../../src/graph/graph.ts";
import { crossEntropy } from "../../src/layers/index.ts";
import { interleaved } from "../../src/models/index.ts";
import { lower } from "../../src/ops/lower.ts";
import { sgd, withUpdate } from "../../src/optimizers/index.ts";
import { openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { fileShape, fromFile, toFile } from "../../src/weights/layout.ts";
import { testGpu } from "../support/run/gpu.ts";
import stored from "./fixtures/trajectory.json";

type PerName = Readonly<Record<string, number>>;

/** Allowed, in units of the drift among PyTorch's own float32 runs, and from rounding alone. */
const DRIFTS = 4;
const ROUNDING = 1e-5;
/** Steps after which even PyTorch differs from itself by more than this, relative, prove nothing. */
const MEANINGFUL = 0.01;

let training: Dataset;
let testing: Dataset;

beforeAll(async () => {
  [training, testing] = await Promise.all([
    loadDataset("mnist", "train", { baseUrl: "/data", examples: stored.steps * stored.batch }),
    loadDataset("mnist", "test", { baseUrl: "/data", examples: stored.batch }),
  ]);
});

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, v) => sum + v * v, 0));

/** The formula of fixtures/README.md, in PyTorch's layout. */
function initial(parameter: Variable): Float32Array {
  const { name } = parameter;
  const shape = fileShape(parameter);
  const length = shape.reduce((product, extent) => product * extent, 1);
  if (shape.length === 1) {
    const isScale = name.endsWith("weight");
    return new Float32Array(length).fill(isScale ? 1 : 0);
  }
  const random = new Random(stored.seed, name);
  const fanIn = length / shape[0]!;
  return Float32Array.from({ length }, () => (2 * random.uniform() - 1) / Math.sqrt(fanIn));
}

function probe(parameter: Variable, gradient: Float32Array): number {
  const random = new Random(stored.seed, `probe ${parameter.name}`);
  return toFile(parameter, gradient).reduce((sum, g) => sum + g * (2 * random.uniform() - 1), 0);
}

function expectNear(actual: number, expected: number, allowed: number, what: string): void {
  if (!(Math.abs(actual - expected) <= allowed)) {
    expect.fail(`${what}: ${actual} instead of ${expected}; allowed ${allowed}, off by ${actual - expected}`);
  }
}

describe.each(stored.runs)("learning rate $learningRate", ({ learningRate, float64, drift }) => {
  const steps = drift.losses.findLastIndex((d) => d < MEANINGFUL) + 1;

  test(`${steps} steps as in PyTorch`, async () => {
    const gpu = await testGpu();
    const { batch, momentum, weightDecay } = stored;
    const model = interleaved({ inputShape: [28, 28, 1] });
    const graph = new Graph({ mode: "train", ...gpu.graphOptions });
    const images = graph.input("images", [batch, 28, 28, 1]);
    const loss = crossEntropy(model.build(images), graph.input("labels", [batch], "i32"));
    graph.output("loss", loss);
    const program = lower(graph, [[loss, null]]);
    for (const { name, tensor } of graph.parameters)
      graph.output(`d(${name})`, program.gradients.get(tensor)!);
    const update = sgd({ lr: learningRate, momentum, weightDecay }).emit(graph, program);

    const variables = new Variables(gpu);
    variables.initialize(graph.states, 0);
    expect(graph.parameters.map((p) => [p.name, fileShape(p)])).toEqual(
      expect.arrayContaining(Object.entries(stored.shapes)),
    );
    for (const parameter of graph.parameters) {
      const values = initial(parameter);
      const expected = (stored.initialNorms as PerName)[parameter.name]!;
      expectNear(norm(values), expected, 1e-9 * expected, `initial norm of ${parameter.name}`);
      variables.write(parameter.tensor, fromFile(parameter, values));
    }

    const session = await openSession(gpu, withUpdate(program, update), variables);
    const loader = new BatchLoader(training, { batchSize: batch, shuffle: false });
    for (let step = 1; step <= steps; step++) {
      const { images, labels } = loader.batch(0, step - 1);
      const outputs = await session.submit({ images, labels }, { step, seed: 0, learningRate });
      const expected = float64.losses[step - 1]!;
      const allowed = (DRIFTS * drift.losses[step - 1]! + ROUNDING) * expected;
      expectNear(outputs.loss![0]!, expected, allowed, `loss of step ${step}`);
      if (step !== 1 && step !== 10) continue;
      const norms: PerName = float64[`gradientNorms${step}`];
      const probes: PerName = float64[`gradientProbes${step}`];
      for (const parameter of graph.parameters) {
        const { name } = parameter;
        const gradient = outputs[`d(${name})`] as Float32Array;
        const rounding = ROUNDING * norms[name]!;
        const what = `of the gradient of ${name} in step ${step}`;
        const drifts: PerName = drift[`gradientNorms${step}`];
        expectNear(norm(gradient), norms[name]!, DRIFTS * drifts[name]! + rounding, `norm ${what}`);
        const probeDrifts: PerName = drift[`gradientProbes${step}`];
        expectNear(
          probe(parameter, gradient),
          probes[name]!,
          DRIFTS * probeDrifts[name]! + rounding,
          `probe ${what}`,
        );
      }
    }

    if (steps === stored.steps) {
      const statistics = await variables.read(graph.states.map(({ tensor }) => tensor));
      graph.states.forEach(({ name }, i) => {
        const expected = (float64.runningStatistics as Record<string, number[]>)[name]!;
        const allowed = DRIFTS * (drift.runningStatistics as PerName)[name]!;
        expected.forEach((value, c) => {
          expectNear(statistics[i]![c]!, value, allowed, `${name}[${c}]`);
        });
      });
      const evaluation = new Graph({ mode: "eval", ...gpu.graphOptions });
      evaluation.output("logits", model.build(evaluation.input("images", [batch, 28, 28, 1])));
      const forward = await openSession(gpu, lower(evaluation), variables);
      const { images } = new BatchLoader(testing, { batchSize: batch, shuffle: false }).batch(0, 0);
      const { logits } = await forward.submit({ images }, { step: 1, seed: 0, learningRate });
      float64.testLogits.flat().forEach((expected, i) => {
        expectNear(logits![i]!, expected, DRIFTS * drift.testLogits, `logit ${i}`);
      });
      forward.destroy();
    }
    session.destroy();
    variables.destroy();
  });
});

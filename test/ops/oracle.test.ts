/** All ops against what PyTorch computed in f64 (test/support/fixtures/torch), on the kernels chosen for this device. */
import { beforeAll, describe, expect, it } from "vitest";
import { Graph } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/lower.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { withUpdate } from "../../src/optimizers/index.ts";
import { givenGradient } from "../support/op/update.ts";
import type { NdArray } from "../support/reference/ndarray.ts";
import { testGpu } from "../support/run/gpu.ts";
import { feedsOf, openProgram } from "../support/run/run-op.ts";
import {
  allowedFor,
  declarationOf,
  decodeCases,
  disagreements,
  type OracleCase,
  optimizerOf,
} from "./oracle.ts";

const at = (file: string): URL => new URL(`../support/fixtures/torch/${file}`, import.meta.url);
const [json, file] = await Promise.all([
  fetch(at("cases.json")).then((response) => response.text()),
  fetch(at("values.safetensors")).then((response) => response.arrayBuffer()),
]);
const cases = decodeCases(json, new Uint8Array(file));
const { graphOptions } = await testGpu();

type Results = Readonly<Record<string, ArrayLike<number>>>;

/** Runs cases of ops in one step of one graph, so that they share pipelines. */
async function runOps(cases: readonly OracleCase[]): Promise<Results[]> {
  const graph = new Graph({ mode: "train", ...graphOptions });
  const nodes = cases.map((given, i) => {
    const {
      inputs: { dy, ...inputs },
      outputs,
      attrs,
      op,
      name,
    } = given;
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([key, { shape }]): [string, Tensor] => {
        const dtype = key === "labels" ? "i32" : "f32";
        return [key, graph.input(`${i}.${key}`, shape, dtype, `d${key}` in outputs)];
      }),
    );
    const results: Readonly<Record<string, Tensor | undefined>> = graph.apply(
      declarationOf(op)!.op,
      `${i}: ${name}`,
      tensors,
      attrs,
    );
    for (const [key, tensor] of Object.entries({ ...tensors, ...results })) {
      if (tensor && key in outputs) graph.output(`${i}.${key}`, tensor);
    }
    const seed = [results.y ?? results.loss!, dy ? graph.input(`${i}.dy`, dy.shape) : null] as const;
    return { tensors, seed };
  });
  const program = lower(
    graph,
    nodes.map(({ seed }) => seed),
  );
  nodes.forEach(({ tensors }, i) => {
    for (const [key, tensor] of Object.entries(tensors)) {
      if (tensor.requiresGrad) graph.output(`${i}.d${key}`, program.gradients.get(tensor)!);
    }
  });
  const running = await openProgram(program);
  try {
    const arrays = cases.flatMap(({ inputs }, i) =>
      Object.entries(inputs).map(([key, array]) => [`${i}.${key}`, array] as const),
    );
    const read = await running.step(feedsOf(program, Object.fromEntries(arrays)));
    return cases.map(({ outputs }, i) =>
      Object.fromEntries(Object.keys(outputs).map((key) => [key, read[`${i}.${key}`]!])),
    );
  } finally {
    running.close();
  }
}

/** Runs an optimizer on the gradients of each step, and gives the parameters after each. */
async function runOptimizer({ op, attrs, inputs, outputs }: OracleCase): Promise<Results> {
  const graph = new Graph({ mode: "train", ...graphOptions });
  const names = Object.keys(outputs);
  const losses = names.map((name) => {
    const { shape, data } = inputs[name]!;
    const p = graph.parameter(name, shape, () => Float32Array.from(data), true);
    return graph.apply(givenGradient, `loss of ${name}`, { p, g: graph.input(`d${name}`, shape) }, null).y;
  });
  const program = lower(
    graph,
    losses.map((loss) => [loss, null]),
  );
  const optimizer = optimizerOf(op, attrs);
  const update = optimizer.emit(graph, program);
  const { variables, step, close, ...running } = await openProgram(withUpdate(program, update));
  variables.initialize(update.moments, 1);
  const after: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const steps = outputs[names[0]!]!.shape[0]!;
  try {
    for (let i = 0; i < steps; i++) {
      const gradients = names.map((name): [string, NdArray] => {
        const { shape, data } = inputs[name]!;
        return [
          `d${name}`,
          { shape, data: inputs[`d${name}`]!.data.subarray(i * data.length, (i + 1) * data.length) },
        ];
      });
      const live = { step: i + 1, learningRate: optimizer.learningRate };
      await step(feedsOf(running.program, Object.fromEntries(gradients)), live);
      const read = await variables.read(graph.parameters.map(({ tensor }) => tensor));
      names.forEach((name, k) => {
        after[name]!.push(...read[k]!);
      });
    }
  } finally {
    close();
  }
  return after;
}

for (const op of new Set(cases.map((given) => given.op))) {
  describe(`${op} is PyTorch's`, () => {
    const some = cases.filter((given) => given.op === op);
    let results: readonly Results[];
    beforeAll(async () => {
      results = declarationOf(op) ? await runOps(some) : await Promise.all(some.map(runOptimizer));
    });
    it.each(some.map((given, i) => [given.name, given, i] as const))("%s", (_, given, i) => {
      const wrong = Object.entries(given.outputs).flatMap(([name, expected]) =>
        disagreements(name, results[i]![name]!, expected, allowedFor(given, name)),
      );
      expect(wrong).toEqual([]);
    });
  });
}

/** What an update does with numbers that are not finite, and what it tells the host. */
import { describe, expect, it } from "vitest";
import { adam, adamw, type Optimizer, type OptimizerOptions, sgd } from "../../../src/optimizers/index.ts";
import { PARAMETERS, TRAINED, updateProgram } from "../../support/op/update.ts";
import { size } from "../../support/reference/ndarray.ts";
import { feedsOf, openProgram } from "../../support/run/run-op.ts";

const FLAGS = { none: [0, 0, 0, 0], gradients: [1, 0, 0, 0], weights: [0, 1, 0, 0], both: [1, 1, 0, 0] };

/** One step on gradients of 1, but `gradient` at one place of one parameter, of parameters of 1. */
async function stepWith(
  optimizer: Optimizer,
  { gradient = 1, learningRate = 0.1, precision = "f32" as "f32" | "mixed" },
) {
  const { graph, program, update } = updateProgram({ name: "", optimizer, reference: () => none, precision });
  const { variables, step, close } = await openProgram(program);
  variables.initialize(update.moments, 1);
  for (const { tensor } of graph.parameters) {
    variables.write(tensor, new Float32Array(size(tensor.shape)).fill(1));
  }
  const read = () => variables.read([...graph.parameters.map(({ tensor }) => tensor)]);
  const before = await read();
  const run = (value: number, number: number) => {
    const arriving = TRAINED.map(([name, shape]) => {
      const data = new Float64Array(size(shape)).fill(1);
      if (name === "big.weight") data[4321] = value;
      return [`gradient of ${name}`, { shape, data }] as const;
    });
    return step(feedsOf(program, Object.fromEntries(arriving)), { step: number, learningRate });
  };
  const first = await run(gradient, 1);
  const after = await read();
  const second = await run(1, 2);
  close();
  const changed = PARAMETERS.filter((_, i) => String(before[i]) !== String(after[i])).map(([name]) => name);
  const { updateNorms = [], parameterNorms = [] } = first;
  return {
    ...{ flags: [...first.nonFinite!], next: [...second.nonFinite!], changed, after },
    ...{ updates: [...updateNorms], parameters: [...parameterNorms] },
  };
}
const none = { step: () => {} };

describe.each([
  ["sgd", (options: OptimizerOptions = {}) => sgd({ lr: 0.1, ...options })],
  ["sgd with momentum", (options: OptimizerOptions = {}) => sgd({ lr: 0.1, momentum: 0.9, ...options })],
  ["adam", (options: OptimizerOptions = {}) => adam({ lr: 0.1, ...options })],
  ["adamw", (options: OptimizerOptions = {}) => adamw({ lr: 0.1, ...options })],
])("%s", (_, create) => {
  it("raises no flag while all is finite", async () => {
    const { flags, next, changed } = await stepWith(create({ clipNorm: 1e4 }), { gradient: 1e3 });
    expect([flags, next]).toEqual([FLAGS.none, FLAGS.none]);
    expect(changed).toEqual(TRAINED.map(([name]) => name));
  });

  it.each([Number.NaN, Infinity, -Infinity])("raises both flags for a gradient of %s", async (gradient) => {
    const { flags, next } = await stepWith(create(), { gradient });
    expect(flags).toEqual(FLAGS.both);
    expect(next, "until they are cleared").toEqual(FLAGS.both);
  });

  it("raises the flag of weights where a finite gradient makes one infinite", async () => {
    const { flags } = await stepWith(create(), { gradient: 1e38, learningRate: 3e38 });
    expect(flags).toEqual(FLAGS.weights);
  });

  it.each([Number.NaN, Infinity, 1e30])("skips a step that it cannot clip, of %s", async (gradient) => {
    const { flags, changed } = await stepWith(create({ clipNorm: 1 }), { gradient });
    expect(flags).toEqual(FLAGS.gradients);
    expect(changed).toEqual([]);
  });

  it.each([
    ["that it cannot clip", { clipNorm: 1 }, "f32"],
    ["that mixed precision skips", {}, "mixed"],
  ] as const)("tells norms of 0 for the update of a step %s", async (_, options, precision) => {
    const optimizer = create({ ...options, updateRatios: true });
    const { updates, parameters } = await stepWith(optimizer, { gradient: Infinity, precision });
    expect(updates).toEqual(Array(1 + TRAINED.length).fill(0));
    TRAINED.forEach(([, shape], i) => {
      expect(parameters[1 + i]! / Math.sqrt(size(shape))).toBeCloseTo(1, 6);
    });
  });

  it("raises no flag for a step that mixed precision skips", async () => {
    const { flags, changed } = await stepWith(create(), { gradient: Infinity, precision: "mixed" });
    expect(flags).toEqual(FLAGS.none);
    expect(changed).toEqual([]);
  });
});

it("adam raises the flag of weights where a second moment overflows, which would end the training of a weight", async () => {
  const { flags, after } = await stepWith(adam({ lr: 0.1 }), { gradient: 1e25 });
  expect(flags).toEqual(FLAGS.weights);
  expect(after.every((values) => values.every(Number.isFinite))).toBe(true);
});

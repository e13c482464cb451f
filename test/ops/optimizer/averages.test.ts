import { expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { ema } from "../../../src/optimizers/averages.ts";
import { size } from "../../support/reference/ndarray.ts";
import { feedsOf, openProgram } from "../../support/run/run-op.ts";
import { averagesProgram, DECAY } from "./averages.ts";

it("averages parameters and running statistics as in f64, and begins with the first", async () => {
  const { graph, update, program } = averagesProgram();
  const { variables, step: run, close } = await openProgram(program);
  const variablesOf = [...graph.parameters, ...graph.states].filter(({ name }) => name !== "frozen");
  const averages = variablesOf.map(
    ({ name }) => update.moments.find((m) => m.name === `optimizer.ema.${name}`)!,
  );
  expect(update.moments.length).toBe(3);
  const random = new Random(4, "averages");
  const draw = (shape: readonly number[]) =>
    Float64Array.from({ length: size(shape) }, () => Math.fround(2 * random.uniform() - 1));
  let expected: Float64Array[] = [];
  for (let step = 1; step <= 5; step++) {
    const given = [...graph.inputs].map(([name, { shape }]) => [name, { shape, data: draw(shape) }] as const);
    const { tensor } = graph.states[0]!;
    variables.write(tensor, Float32Array.from(draw(tensor.shape)));
    await run(feedsOf(program, Object.fromEntries(given)), { step, learningRate: 0.1 });
    const now = await variables.read(variablesOf.map(({ tensor: each }) => each));
    expected = now.map((values, i) =>
      Float64Array.from(values, (w, j) => {
        const a = expected[i]?.[j];
        return a === undefined ? w : DECAY * a + (1 - DECAY) * w;
      }),
    );
    const actual = await variables.read(averages.map(({ tensor: each }) => each));
    actual.forEach((values, i) => {
      values.forEach((a, j) => {
        if (!(Math.abs(a - expected[i]![j]!) <= 1e-6))
          expect.fail(`${averages[i]!.name}[${j}] in step ${step}`);
      });
    });
  }
  close();
});

it("refuses a decay that is no share", () => {
  for (const decay of [1, -0.1, Number.NaN]) {
    expect(() => ema({ decay })).toThrow(`ema: decay must be in [0, 1) — ${decay}`);
  }
});

import { expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { mseOp } from "../../../src/ops/loss/mse.ts";
import { drawInputs } from "../../../src/testing/arrays.ts";
import { forwardProgram } from "../../../src/testing/programs.ts";
import { testOp } from "../../support/op/op-test.ts";
import { feedsOf, openProgram } from "../../support/run/run-op.ts";
import { mse } from "./mse.ts";

testOp(mse);

it.each(mse.cases.map((given) => [given.name, given] as const))(
  "mse gives the same without a gradient: %s",
  async (_, given) => {
    const losses = await Promise.all(
      [given, { ...given, grads: [] }].map(async (each) => {
        const program = forwardProgram(mse, each, { features: [] });
        const running = await openProgram(program);
        const { loss } = await running.step(feedsOf(program, drawInputs(each)));
        running.close();
        return loss;
      }),
    );
    expect(losses[1]).toEqual(losses[0]);
  },
);

it("mse says which shapes do not fit", () => {
  const graph = new Graph({ mode: "train" });
  const [prediction, target] = [graph.input("p", [8, 10]), graph.input("t", [8, 1])];
  expect(() => graph.apply(mseOp, "loss", { prediction, target }, {})).toThrow(
    "mse: prediction and target must have one shape — p (8, 10), t (8, 1)",
  );
});

import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import { pad, pad4 } from "../../../src/graph/tensor.ts";
import { mseOp } from "../../../src/ops/loss/mse.ts";
import { openSession } from "../../../src/run/session.ts";
import { Variables } from "../../../src/run/variables.ts";
import { testGpu } from "../../support/gpu.ts";

const values = (length: number, stream: string) => {
  const random = new Random(1, stream);
  return Float32Array.from({ length }, () => 4 * random.uniform() - 2);
};

async function run(shape: readonly number[], mode: "train" | "eval") {
  const length = shape.reduce((a, b) => a * b, 1);
  const [p, t] = [values(length, "prediction"), values(length, "target")];
  const graph = new Graph({ mode });
  const prediction = graph.input("prediction", shape, "f32", mode === "train");
  const { loss } = graph.apply(mseOp, "loss", { prediction, target: graph.input("target", shape) }, {});
  const program = lower(graph, mode === "train" ? [[loss, null]] : []);
  graph.output("loss", loss);
  const gradient = program.gradients.get(prediction);
  const stored = [...shape.slice(0, -1), pad4(shape.at(-1)!)];
  if (gradient) graph.output("gradient", { ...gradient, shape: stored });
  const gpu = await testGpu();
  const session = await openSession(gpu, program, new Variables(gpu));
  const feeds = { prediction: pad(p, shape), target: pad(t, shape) };
  const live = { step: 1, seed: 0, learningRate: 0 };
  const outputs = await session.submit(feeds, live);
  expect(await session.submit(feeds, live), "a second run").toEqual(outputs);
  session.destroy();
  return { p, t, length, loss: [...outputs.loss!], gradient: outputs.gradient as Float32Array };
}

describe("mse", () => {
  for (const shape of [
    [3, 5],
    [2, 7, 5, 3],
    [130, 131],
  ]) {
    it(`(${shape.join(", ")}): mean, sum, count and gradient`, async () => {
      const { p, t, length, loss, gradient } = await run(shape, "train");
      const sum = p.reduce((total, v, i) => total + (v - t[i]!) ** 2, 0);
      expect(loss[0]! / (sum / length)).toBeCloseTo(1, 5);
      expect(loss[1]! / sum).toBeCloseTo(1, 5);
      expect(loss[2]).toBe(length);
      const expected = pad(
        Float32Array.from(p, (v, i) => (2 * (v - t[i]!)) / length),
        shape,
      );
      gradient.forEach((g, i) => {
        expect(Math.abs(g - expected[i]!)).toBeLessThan(1e-6 / length);
      });
      expect((await run(shape, "eval")).loss, "the same without gradient").toEqual(loss);
    });
  }

  it("says which shapes do not fit", () => {
    const graph = new Graph({ mode: "train" });
    const [prediction, target] = [graph.input("p", [8, 10]), graph.input("t", [8, 1])];
    expect(() => graph.apply(mseOp, "loss", { prediction, target }, {})).toThrow(
      "mse: prediction and target must have one shape — p (8, 10), t (8, 1)",
    );
  });
});

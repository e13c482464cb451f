import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { pad, pad4 } from "../../../src/graph/tensor.ts";
import { crossEntropyOp } from "../../../src/ops/loss/cross-entropy.ts";
import { drawInputs } from "../../../src/testing/arrays.ts";
import { forwardProgram } from "../../../src/testing/programs.ts";
import { CPU } from "../../support/op/declaration.ts";
import { testOp } from "../../support/op/op-test.ts";
import { feedsOf, openProgram, runProgram } from "../../support/run/run-op.ts";
import { crossEntropy } from "./cross-entropy.ts";

testOp(crossEntropy);

/** Loss and gradient, padding included, of logits (N, K). */
async function run(logits: readonly number[], labels: readonly number[]) {
  const graph = new Graph({ mode: "train" });
  const [N, K] = [labels.length, logits.length / labels.length];
  const z = graph.input("logits", [N, K], "f32", true);
  const { loss } = graph.apply(
    crossEntropyOp,
    "loss",
    { logits: z, labels: graph.input("labels", [N], "i32") },
    {},
  );
  const feeds = { logits: pad(Float32Array.from(logits), [N, K]), labels: Int32Array.from(labels) };
  const [outputs] = await runProgram(graph, [[loss, null]], feeds, (program) => {
    graph.output("loss", loss);
    graph.output("gradient", { ...program.gradients.get(z)!, shape: [N, pad4(K)] });
  });
  return { loss: [...outputs!.loss!], gradient: [...outputs!.gradient!] };
}

/** N rows of K logits. */
const rows = (N: number, K: number) => Array.from({ length: N * K }, (_, i) => Math.sin(i));

describe("cross_entropy", () => {
  it.each(crossEntropy.cases.map((given) => [given.name, given] as const))(
    "gives the same loss without a gradient, and on a CPU nearly: %s",
    async (_, given) => {
      const [all, alone, serial] = await Promise.all(
        [
          forwardProgram(crossEntropy, given, { features: [] }),
          forwardProgram(crossEntropy, { ...given, grads: [] }, { features: [] }),
          forwardProgram(crossEntropy, given, CPU),
        ].map(async (program) => {
          const running = await openProgram(program);
          const outputs = await running.step(feedsOf(program, drawInputs(given)));
          running.close();
          return outputs;
        }),
      );
      expect(alone!.loss).toEqual(all!.loss);
      all!.loss!.forEach((other, i) => {
        const difference = Math.abs(serial!.loss![i]! - other);
        expect(difference, `loss ${i}`).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(other)));
      });
      all!.dlogits?.forEach((other, i) => {
        if (!(Math.abs(serial!.dlogits![i]! - other) <= 1e-6)) expect.fail(`gradient at ${i}`);
      });
    },
  );

  it("counts the first of several largest logits", async () => {
    const { loss } = await run(new Array(12).fill(1.5), [0, 1, 0]);
    expect(loss.slice(3)).toEqual([2, 3]);
  });

  it("is 0 with zero gradients where every label is ignored", async () => {
    const { loss, gradient } = await run(rows(4, 5), [-100, -100, -100, -100]);
    expect(loss).toEqual([0, 0, 0, 0, 0]);
    expect(gradient.every((g) => g === 0)).toBe(true);
  });

  it("is NaN for a label outside the classes, which gets no gradient", async () => {
    for (const label of [5, -1]) {
      const { loss, gradient } = await run(rows(2, 5), [1, label]);
      expect(loss[0]).toBeNaN();
      expect(gradient.every(Number.isFinite)).toBe(true);
      expect(gradient.slice(8).every((g) => g === 0)).toBe(true);
    }
  });

  it("says which shapes do not fit", () => {
    const graph = new Graph({ mode: "train" });
    const [logits, y] = [graph.input("logits", [8, 10]), graph.input("labels", [7], "i32")];
    expect(() => graph.apply(crossEntropyOp, "loss", { logits, labels: y }, {})).toThrow(
      "cross_entropy: labels must be i32 (8) — logits (8, 10), labels (7), i32",
    );
  });
});

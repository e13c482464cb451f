import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { pad, pad4 } from "../../../src/graph/tensor.ts";
import { type CrossEntropyOptions, crossEntropy, softCrossEntropy } from "../../../src/layers/index.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { softCrossEntropy as declaration } from "./soft-cross-entropy.ts";

testOp(declaration);

/** Loss and gradient, with its padding. */
async function run(
  logits: Float32Array,
  targets: Float32Array | Int32Array,
  shape: readonly [N: number, K: number],
  options: Omit<CrossEntropyOptions, "ignoreIndex"> = {},
  train = true,
): Promise<{ loss: number[]; gradient: Float32Array }> {
  const graph = new Graph({ mode: train ? "train" : "eval" });
  const z = graph.input("logits", shape, "f32", train);
  const soft = targets instanceof Float32Array;
  const loss = soft
    ? softCrossEntropy(z, graph.input("targets", shape), options)
    : crossEntropy(z, graph.input("targets", [shape[0]], "i32"), options);
  const feeds = { logits: pad(logits, shape), targets: soft ? pad(targets, shape) : targets };
  const [first, again] = await runProgram(
    graph,
    train ? [[loss, null]] : [],
    feeds,
    (program) => {
      graph.output("loss", loss);
      const gradient = program.gradients.get(z);
      if (gradient) graph.output("gradient", { ...gradient, shape: [shape[0], pad4(shape[1])] });
    },
    [{}, {}],
  );
  expect(again).toEqual(first);
  return { loss: [...first!.loss!], gradient: first!.gradient as Float32Array };
}

const random = new Random(9, "soft targets");
const noise = (n: number, scale: number) =>
  Float32Array.from({ length: n }, () => scale * (2 * random.uniform() - 1));
describe("soft_cross_entropy", () => {
  it("agrees with torch", async () => {
    const logits = Float32Array.of(1, -2, 0.5, 0.25, 0.75, -1);
    const targets = Float32Array.of(0.25, 0.75, 0, 0, 0.5, 0.5);
    const options = { classWeights: [0.5, 2, 1], labelSmoothing: 0.1 };
    const { loss, gradient } = await run(logits, targets, [2, 3], options);
    // torch.nn.functional.cross_entropy(z, t, weight=w, label_smoothing=0.1), torch 2.5.1 in f64.
    expect(loss[0]).toBeCloseTo(3.3818132525, 5);
    const plain = [0, 1, 2, 4, 5, 6].map((i) => gradient[i]!);
    const expected = [0.4121267326, -0.6845993367, 0.2724726041, 0.2415054581, -0.0714188036, -0.1700866545];
    expected.forEach((value, i) => {
      expect(plain[i]).toBeCloseTo(value, 6);
    });
  });

  it("gives the same loss without a gradient", async () => {
    const [N, K] = [33, 131];
    const [logits, targets] = [noise(N * K, 4), noise(N * K, 1).map(Math.abs)];
    const options = { labelSmoothing: 0.2 };
    const { loss } = await run(logits, targets, [N, K], options);
    expect((await run(logits, targets, [N, K], options, false)).loss).toEqual(loss);
  });

  it("is the cross-entropy of labels where one share is 1", async () => {
    const [N, K] = [12, 10];
    const logits = noise(N * K, 3);
    const labels = Int32Array.from({ length: N }, (_, n) => (7 * n) % K);
    const targets = new Float32Array(N * K);
    labels.forEach((label, n) => {
      targets[n * K + label] = 1;
    });
    const hard = await run(logits, labels, [N, K], { labelSmoothing: 0.1 });
    const soft = await run(logits, targets, [N, K], { labelSmoothing: 0.1 });
    soft.loss.forEach((value, i) => {
      expect(value).toBeCloseTo(hard.loss[i]!, 4);
    });
    soft.gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(hard.gradient[i]!, 6);
    });
  });

  it("refuses targets and options that do not fit", () => {
    const graph = new Graph({ mode: "train" });
    const logits = graph.input("logits", [4, 3]);
    const other = graph.input("other", [4, 2]);
    const labels = graph.input("labels", [4, 3], "i32");
    expect(() => softCrossEntropy(logits, other)).toThrow("targets must be f32 (4, 3)");
    expect(() => softCrossEntropy(logits, labels)).toThrow("targets must be f32 (4, 3)");
    const targets = graph.input("targets", [4, 3]);
    expect(() => softCrossEntropy(logits, targets, { classWeights: [1] })).toThrow(
      "classWeights must be (3)",
    );
    expect(() => softCrossEntropy(logits, targets, { labelSmoothing: 2 })).toThrow("in [0, 1] — 2");
  });
});

import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { pad, pad4 } from "../../../src/graph/tensor.ts";
import { type CrossEntropyOptions, crossEntropy, softCrossEntropy } from "../../../src/layers/index.ts";
import { softCrossEntropy as reference } from "../../support/reference/losses.ts";
import { runProgram } from "../../support/run-op.ts";

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
/** Rows of shares. */
function shares(N: number, K: number): Float32Array {
  const values = noise(N * K, 1).map(Math.abs);
  for (let n = 0; n < N; n++) {
    const row = values.subarray(n * K, (n + 1) * K);
    const sum = row.reduce((a, b) => a + b);
    row.forEach((v, k) => {
      row[k] = v / sum;
    });
  }
  return values;
}

describe("soft_cross_entropy", () => {
  it("is torch's", async () => {
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

  for (const [N, K, options] of [
    [7, 5, {}],
    [33, 131, { labelSmoothing: 0.2 }],
    [4, 3, { classWeights: [1, 0, 2.5] }],
  ] as const) {
    it(`agrees with the reference for (${N}, ${K}) ${JSON.stringify(options)}`, async () => {
      const logits = noise(N * K, 4);
      const targets = shares(N, K);
      const { loss, gradient } = await run(logits, targets, [N, K], options);
      const at = Float64Array.from(logits);
      const expected = () => reference(at, targets, { N, K, ...options });
      expect(loss[0]).toBeCloseTo(expected(), 4);
      expect(loss[1]! / N).toBeCloseTo(loss[0]!, 4);
      expect([loss[2], loss[4]]).toEqual([N, N]);
      const evaluated = await run(logits, targets, [N, K], options, false);
      expect(evaluated.loss, "the same loss without gradient").toEqual(loss);
      for (const i of new Random(5).permutation(N * K).slice(0, 100)) {
        const value = at[i]!;
        at[i] = value + 1e-5;
        const above = expected();
        at[i] = value - 1e-5;
        const slope = (above - expected()) / 2e-5;
        at[i] = value;
        const actual = gradient[Math.floor(i / K) * pad4(K) + (i % K)]!;
        expect(Math.abs(actual - slope), `gradient at ${i}`).toBeLessThan(2e-6);
      }
      gradient.forEach((g, i) => {
        if (i % pad4(K) >= K) expect(g, "padding").toBe(0);
      });
    });
  }

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

  it("refuses what does not fit", () => {
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

import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import { pad } from "../../../src/graph/tensor.ts";
import { crossEntropyOp } from "../../../src/ops/loss/cross-entropy.ts";
import { openSession } from "../../../src/run/session.ts";
import { Variables } from "../../../src/run/variables.ts";
import { testGpu } from "../../support/gpu.ts";
import { type CrossEntropyCase, crossEntropy } from "../../support/reference/losses.ts";

const random = new Random(3, "cross entropy");
const uniform = (n: number, low: number, high: number) =>
  Float32Array.from({ length: n }, () => low + (high - low) * random.uniform());
const labels = (n: number, K: number) => Array.from({ length: n }, () => random.u32() % K);

/** Loss and gradient of the logits from the GPU; `train` false computes no gradient; `software`: as for a CPU. */
async function run(logits: Float32Array, given: CrossEntropyCase, train = true, software = false) {
  const { N, K, classWeights, labelSmoothing, ignoreIndex } = given;
  const graph = new Graph({ mode: train ? "train" : "eval", device: { features: [], software } });
  const z = graph.input("logits", [N, K], "f32", train);
  const y = graph.input("labels", [N], "i32");
  const w = classWeights && graph.input("classWeights", [K]);
  const attrs = {
    ...(labelSmoothing !== undefined && { labelSmoothing }),
    ...(ignoreIndex !== undefined && { ignoreIndex }),
  };
  const inputs = { logits: z, labels: y, classWeights: w };
  const { loss } = graph.apply(crossEntropyOp, "loss", inputs, attrs);
  const program = lower(graph, train ? [[loss, null]] : []);
  graph.output("loss", loss);
  const gradient = program.gradients.get(z);
  // With its padding, which must be zero.
  if (gradient) graph.output("gradient", { ...gradient, shape: [N, (K + 3) & ~3] });

  const gpu = await testGpu();
  const variables = new Variables(gpu);
  const session = await openSession(gpu, program, variables);
  const feeds = {
    logits: pad(logits, [N, K]),
    labels: Int32Array.from(given.labels),
    ...(classWeights && { classWeights: pad(Float32Array.from(classWeights), [K]) }),
  };
  const live = { step: 1, seed: 0, learningRate: 0 };
  const first = await session.submit(feeds, live);
  expect(await session.submit(feeds, live), "a second run").toEqual(first);
  session.destroy();
  return { loss: [...first.loss!], gradient: first.gradient };
}

async function check(given: CrossEntropyCase, logits: Float32Array): Promise<void> {
  const { N, K } = given;
  const expected = crossEntropy(logits, given);
  const { loss, gradient } = await run(logits, given);
  for (const i of [0, 1, 2]) expect(loss[i]).toBeCloseTo(expected[i]!, 4);
  expect(loss.slice(3)).toEqual(expected.slice(3));
  expect((await run(logits, given, false)).loss, "the same loss without gradient").toEqual(loss);
  const serial = await run(logits, given, true, true);
  loss.forEach((other, i) => {
    const difference = Math.abs(serial.loss[i]! - other);
    expect(difference, `loss ${i}, as for a CPU`).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(other)));
  });
  gradient!.forEach((other, i) => {
    if (!(Math.abs(serial.gradient![i]! - other) <= 1e-6)) expect.fail(`gradient at ${i}, as for a CPU`);
  });

  const pitch = (K + 3) & ~3;
  const at = Float64Array.from(logits);
  const sampled = new Random(5).permutation(N * K).slice(0, 200);
  for (const i of sampled) {
    const [value, dz] = [at[i]!, 1e-5];
    at[i] = value + dz;
    const above = crossEntropy(at, given)[0];
    at[i] = value - dz;
    const below = crossEntropy(at, given)[0];
    at[i] = value;
    const actual = gradient![Math.floor(i / K) * pitch + (i % K)]!;
    expect(Math.abs(actual - (above - below) / (2 * dz)), `gradient at ${i}`).toBeLessThan(1e-6);
  }
  gradient!.forEach((g, i) => {
    if (i % pitch >= K) expect(g, "padding").toBe(0);
  });
}

describe("cross_entropy", () => {
  it("is the mean over the rows", () => check({ N: 32, K: 10, labels: labels(32, 10) }, uniform(320, -3, 3)));

  it("takes more classes and rows than a workgroup has invocations", () =>
    check({ N: 131, K: 211, labels: labels(131, 211) }, uniform(131 * 211, -5, 5)));

  it("weights classes, smooths labels and ignores rows as torch does", () =>
    check(
      {
        N: 7,
        K: 5,
        labels: [0, 4, -1, 2, 2, -1, 3],
        classWeights: [0.5, 1, 2, 0.25, 3],
        labelSmoothing: 0.1,
        ignoreIndex: -1,
      },
      uniform(35, -2, 2),
    ));

  it("is steady for large logits", () =>
    check({ N: 3, K: 4, labels: [0, 1, 2] }, Float32Array.of(90, 0, -90, 5, 0, 1000, 999, 3, -1e4, 0, 1, 2)));

  it("counts the first of several largest logits", async () => {
    const { loss } = await run(new Float32Array(12).fill(1.5), { N: 3, K: 4, labels: [0, 1, 0] });
    expect(loss.slice(3)).toEqual([2, 3]);
  });

  it("is 0 with zero gradients where every label is ignored", async () => {
    const { loss, gradient } = await run(uniform(20, -1, 1), {
      N: 4,
      K: 5,
      labels: [-100, -100, -100, -100],
    });
    expect(loss).toEqual([0, 0, 0, 0, 0]);
    expect([...gradient!].every((g) => g === 0)).toBe(true);
  });

  it("is NaN for a label that is no class, which gets no gradient", async () => {
    for (const label of [5, -1]) {
      const { loss, gradient } = await run(uniform(10, -1, 1), { N: 2, K: 5, labels: [1, label] });
      expect(loss[0]).toBeNaN();
      expect([...gradient!].every(Number.isFinite)).toBe(true);
      expect([...gradient!.subarray(8)].every((g) => g === 0)).toBe(true);
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

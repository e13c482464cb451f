import type { Random } from "../../../src/base/random.ts";
import { type CrossEntropyAttrs, crossEntropyOp } from "../../../src/ops/loss/cross-entropy.ts";
import { type Arrays, bytes, CPU, declare, type OpCase, PLAIN } from "../../support/op/declaration.ts";
import {
  type CrossEntropyCase,
  crossEntropyGradient,
  crossEntropy as crossEntropyReference,
} from "../../support/reference/losses.ts";

function caseOf({ logits, labels, classWeights }: Arrays, attrs: CrossEntropyAttrs): CrossEntropyCase {
  const [N, K] = logits!.shape as [number, number];
  return { N, K, labels: labels!.data, ...(classWeights && { classWeights: classWeights.data }), ...attrs };
}

function given(name: string, N: number, K: number, more: Partial<OpCase<CrossEntropyAttrs>> = {}) {
  const { values, inputs, ...rest } = more;
  return {
    name,
    inputs: { logits: [N, K], labels: { shape: [N], dtype: "i32" as const }, ...inputs },
    attrs: {},
    values: {
      logits: (random: Random) => 10 * random.uniform() - 5,
      labels: (random: Random) => random.u32() % K,
      ...values,
    },
    grads: ["logits"],
    ...rest,
  };
}

export const crossEntropy = declare({
  op: crossEntropyOp,
  devices: { ...PLAIN, "as for a CPU": CPU },
  reference: (inputs, attrs) => {
    const loss = crossEntropyReference(inputs.logits!.data, caseOf(inputs, attrs));
    return { loss: { shape: [5], data: Float64Array.from(loss) } };
  },
  gradients: (inputs, attrs, dy) => {
    const { shape, data } = inputs.logits!;
    const gradient = crossEntropyGradient(data, caseOf(inputs, attrs));
    return { logits: { shape, data: gradient.map((v) => dy.data[0]! * v) } };
  },
  cases: [
    given("the mean over the rows", 32, 10),
    given("without a gradient", 32, 10, { grads: [] }),
    given("more classes and rows than a workgroup has invocations", 131, 211),
    given("weighted classes, smoothed labels and ignored rows", 7, 5, {
      inputs: { classWeights: [5] },
      values: {
        labels: (_, n) => [0, 4, -1, 2, 2, -1, 3][n]!,
        classWeights: (_, k) => [0.5, 1, 2, 0.25, 3][k]!,
      },
      attrs: { labelSmoothing: 0.1, ignoreIndex: -1 },
    }),
    given("large logits", 3, 4, {
      values: {
        logits: (_, i) => [90, 0, -90, 5, 0, 1000, 999, 3, -1e4, 0, 1, 2][i]!,
        labels: (_, n) => n,
      },
    }),
  ],
  tolerance: (_, name) => () => (name === "loss" ? 5e-5 : 5e-7),
  half: { never: "losses are f32" },
  // The forward pass already computes the gradient.
  work: ({ inputs: { logits, labels }, outputs: { dlogits } }, pass) => ({
    bytes: pass === "forward" ? bytes(logits, labels, dlogits) : 0,
  }),
});

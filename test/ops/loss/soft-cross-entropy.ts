import { Random } from "../../../src/base/random.ts";
import { type SoftCrossEntropyAttrs, softCrossEntropyOp } from "../../../src/ops/loss/soft-cross-entropy.ts";
import { type Arrays, bytes, declare, type OpCase } from "../../support/op/declaration.ts";
import {
  type SoftCase,
  softCrossEntropyGradient,
  softCrossEntropy as softCrossEntropyReference,
} from "../../support/reference/losses.ts";

function caseOf({ logits, targets, classWeights }: Arrays, attrs: SoftCrossEntropyAttrs): SoftCase {
  const [N, K] = logits!.shape as [number, number];
  return { N, K, targets: targets!.data, ...(classWeights && { classWeights: classWeights.data }), ...attrs };
}

/** Rows of shares. */
function shares(N: number, K: number): readonly number[] {
  const random = new Random(9, "shares");
  return Array.from({ length: N }, () => {
    const row = Array.from({ length: K }, () => random.uniform());
    const sum = row.reduce((a, b) => a + b);
    return row.map((v) => v / sum);
  }).flat();
}

function given(
  N: number,
  K: number,
  attrs: SoftCrossEntropyAttrs,
  classWeights?: readonly number[],
): OpCase<SoftCrossEntropyAttrs> {
  const table = shares(N, K);
  return {
    name: `(${N}, ${K}) ${JSON.stringify({ ...attrs, classWeights })}`,
    inputs: { logits: [N, K], targets: [N, K], ...(classWeights && { classWeights: [K] }) },
    attrs,
    values: {
      logits: (random) => 8 * random.uniform() - 4,
      targets: (_, i) => table[i]!,
      classWeights: (_, k) => classWeights![k]!,
    },
    grads: ["logits"],
  };
}

export const softCrossEntropy = declare({
  op: softCrossEntropyOp,
  reference: (inputs, attrs) => {
    const loss = softCrossEntropyReference(inputs.logits!.data, caseOf(inputs, attrs));
    return { loss: { shape: [5], data: Float64Array.from(loss) } };
  },
  gradients: (inputs, attrs, dy) => {
    const { shape, data } = inputs.logits!;
    const gradient = softCrossEntropyGradient(data, caseOf(inputs, attrs));
    return { logits: { shape, data: gradient.map((v) => dy.data[0]! * v) } };
  },
  cases: [
    given(7, 5, {}),
    { ...given(7, 5, {}), name: "without a gradient", grads: [] },
    given(33, 131, { labelSmoothing: 0.2 }),
    given(4, 3, {}, [1, 0, 2.5]),
  ],
  tolerance: (_, name) => () => (name === "loss" ? 5e-5 : 1e-6),
  half: { never: "losses are f32" },
  // The forward pass already computes the gradient.
  work: ({ inputs: { logits, targets }, outputs: { dlogits } }, pass) => ({
    bytes: pass === "forward" ? bytes(logits, targets, dlogits) : 0,
  }),
});

import { softmaxOp } from "../../../src/ops/loss/softmax.ts";
import { defineOpTest } from "../../support/optest.ts";
import { logSoftmax } from "../../support/reference/losses.ts";

defineOpTest({
  op: softmaxOp,
  reference: ({ x }) => {
    const [N, K] = x!.shape as [number, number];
    const rows = Array.from({ length: N }, (_, n) => logSoftmax([...x!.data.subarray(n * K, (n + 1) * K)]));
    return { y: { shape: [N, K], data: Float64Array.from(rows.flat(), Math.exp) } };
  },
  cases: [
    { inputs: { x: [3, 10] }, attrs: {} },
    { inputs: { x: [5, 131] }, attrs: {} },
    { inputs: { x: [2, 1] }, attrs: {} },
    { name: "large values", inputs: { x: [7, 5] }, attrs: {}, values: { x: (r) => 200 * r.uniform() - 100 } },
  ],
  tolerance: () => 2e-6,
});

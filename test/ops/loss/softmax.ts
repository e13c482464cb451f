import { softmaxOp } from "../../../src/ops/loss/softmax.ts";
import { bytes, declare } from "../../support/op/declaration.ts";
import { softmax as softmaxReference } from "../../support/reference/losses.ts";

export const softmax = declare({
  op: softmaxOp,
  reference: ({ x }) => ({ y: softmaxReference(x!) }),
  cases: [
    { inputs: { x: [3, 10] }, attrs: {} },
    { inputs: { x: [5, 131] }, attrs: {} },
    { inputs: { x: [2, 1] }, attrs: {} },
    { name: "large values", inputs: { x: [7, 5] }, attrs: {}, values: { x: (r) => 200 * r.uniform() - 100 } },
  ],
  tolerance: () => 2e-6,
  half: { never: "predictions are f32" },
  work: ({ inputs: { x }, outputs: { y } }, pass) => ({
    bytes: pass === "forward" ? bytes(x, y) : bytes(x, y, y),
  }),
});

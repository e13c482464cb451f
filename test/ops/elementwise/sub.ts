import { subOp } from "../../../src/ops/elementwise/sub.ts";
import { bytes, declare } from "../../support/op/declaration.ts";

export const sub = declare({
  op: subOp,
  reference: ({ a, b }) => ({ y: { shape: a!.shape, data: a!.data.map((v, i) => v - b!.data[i]!) } }),
  cases: [
    { inputs: { a: [2, 3, 5, 6], b: [2, 3, 5, 6] }, attrs: {}, half: true },
    { inputs: { a: [7, 13], b: [7, 13] }, attrs: {} },
    {
      name: "one number, gradient of b",
      inputs: { a: [1, 1, 1, 1], b: [1, 1, 1, 1] },
      attrs: {},
      grads: ["b"],
    },
  ],
  tolerance: () => 1e-6,
  half: { activations: ["a", "b"] },
  work: ({ inputs: { a, b }, outputs: { y } }, pass) => ({
    // The gradient of a is dy itself.
    bytes: pass === "forward" ? bytes(a, b, y) : bytes(y, b),
  }),
  text: ({ inputs: { a } }) => a.shape.join("×"),
});

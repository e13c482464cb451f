import { mulOp } from "../../../src/ops/elementwise/mul.ts";
import { bytes, declare, type OpCase } from "../../support/op/declaration.ts";
import { mul as mulReference } from "../../support/reference/branches.ts";

const given = (a: readonly number[], b: readonly number[], grads = ["a", "b"]): OpCase<object> => ({
  name: `(${a}) by (${b}), gradients of ${grads}`,
  inputs: { a, b },
  attrs: {},
  grads,
});

export const mul = declare({
  op: mulOp,
  reference: ({ a, b }) => ({ y: mulReference(a!, b!) }),
  cases: [
    { ...given([2, 3, 5, 6], [2, 6]), half: true },
    { ...given([3, 5, 4, 7], [3, 5, 4, 1]), half: true },
    { ...given([2, 3, 5, 6], [2, 3, 5, 6]), half: true },
    // Several parts of a sum; one pixel; one channel, which is alike.
    given([2, 13, 9, 5], [2, 5]),
    given([3, 1, 1, 9], [3, 9]),
    given([2, 3, 3, 1], [2, 3, 3, 1]),
    given([7, 13], [7, 13]),
    given([2, 3, 5, 6], [2, 6], ["b"]),
    given([2, 3, 5, 6], [2, 3, 5, 1], ["a"]),
  ],
  tolerance: () => 1e-5,
  half: { activations: ["a", "b"] },
  work({ inputs: { a, b }, outputs: { y } }, pass) {
    return { bytes: pass === "forward" ? bytes(a, b, y) : bytes(y, a, b, a, b) };
  },
  text: ({ inputs: { a, b } }) => `${a.shape.join("×")} by ${b.shape.join("×")}`,
});

import { type Activation, IDENTITY } from "../../../src/ops/elementwise/activation.ts";
import { type Add, addOp } from "../../../src/ops/elementwise/add.ts";
import { bytes, declare, type OpCase } from "../../support/op/declaration.ts";
import { activate } from "../../support/reference/activation.ts";

const given = (shape: readonly number[], name: Activation["name"], grads = ["a", "b"]): OpCase<Add> => ({
  name: `(${shape}) ${name}, gradients of ${grads}`,
  inputs: { a: shape, b: shape },
  attrs: { activation: { name } },
  grads,
});

export const add = declare({
  op: addOp,
  reference: ({ a, b }, { activation = IDENTITY }) => ({
    y: { shape: a!.shape, data: a!.data.map((v, i) => activate(v + b!.data[i]!, activation)) },
  }),
  cases: [
    given([2, 3, 5, 6], "identity"),
    given([1, 1, 1, 1], "tanh"),
    { ...given([2, 3, 5, 6], "relu"), half: true },
    given([7, 13], "sigmoid"),
    { ...given([7, 13], "hardsigmoid"), values: { a: (random) => 9 * random.uniform() - 4.5 } },
    { ...given([3, 5, 6], "relu6"), values: { a: (random) => 9 * random.uniform() - 1.5 } },
    given([2, 3, 5, 6], "tanh", ["a"]),
    given([2, 3, 5, 6], "tanh", ["b"]),
    given([2, 3, 5, 6], "identity", ["b"]),
  ],
  tolerance: () => 2e-6,
  half: { activations: ["a", "b"] },
  work({ inputs: { a, b }, attrs, outputs: { y } }, pass) {
    if (pass === "forward") return { bytes: bytes(a, b, y) };
    // Both branches share their gradient, which is dy itself without an activation.
    return { bytes: (attrs.activation?.name ?? "identity") === "identity" ? 0 : bytes(y, y, y) };
  },
  text: ({ inputs: { a } }) => a.shape.join("×"),
});

import type { Op } from "../graph/op.ts";
import { storedLength, type Tensor } from "../graph/tensor.ts";
import { grid } from "../kernel.ts";
import { add_backward, add_forward } from "../shaders.gen.ts";
import { type Activation, activationConstants } from "./activation.ts";
import { expectAlike, shareGradient } from "./branches.ts";

type In = { a: Tensor; b: Tensor };
type Out = { y: Tensor };

/** y = f(a + b), elementwise: a residual connection. a, b, y (…, C) of one shape. */
export const addOp: Op<In, { readonly activation: Activation }, Out> = {
  name: "add",
  infer({ a, b }) {
    expectAlike("add", [a, b]);
    return { y: { shape: a.shape } };
  },
  forward(emit, { inputs: { a, b }, attrs, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    const C = y.shape.at(-1)!;
    const constants = { LENGTH, C, ...activationConstants(attrs.activation) };
    emit.dispatch(add_forward, { a, b, y }, constants, grid(LENGTH, add_forward));
  },
  backward(emit, { inputs: { a, b }, attrs, outputs: { y } }) {
    const dy = emit.gradient(y);
    if (attrs.activation.name === "identity") {
      for (const input of [a, b]) if (emit.wants(input)) emit.pass(input, dy);
      return;
    }
    const LENGTH = storedLength(y.shape) / 4;
    shareGradient(emit, [a, b], ({ tensor: dz, accumulate: ACCUMULATE }) => {
      const constants = { LENGTH, ACCUMULATE, ...activationConstants(attrs.activation) };
      emit.dispatch(add_backward, { a, b, dy, dz }, constants, grid(LENGTH, add_backward));
    });
  },
};

import type { GradientRule, Op } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { add_forward } from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY, OPTIONAL_ACTIVATION } from "./activation.ts";
import { expectAlike, shareGradient } from "./branches.ts";
import { checkFusable, emitBeforeActivation, withActivation } from "./fused-activation.ts";

export interface Add {
  /** Applied to the sum: identity, ReLU, tanh or another that `isFusable`. */
  readonly activation?: Activation;
}

type In = { a: Tensor; b: Tensor };
type Out = { y: Tensor };

/** y = f(a + b), elementwise: a residual connection. a, b, y (…, C) of one shape. */
export const addOp: Op<In, Add, Out> = {
  name: "add",
  takes: { inputs: { a: "required", b: "required" }, options: { activation: OPTIONAL_ACTIVATION } },
  infer({ a, b }, { activation }) {
    expectAlike("add", [a, b]);
    checkFusable("add", activation);
    return { y: { shape: a.shape, dtype: a.storage.dtype } };
  },
  forward(emit, { inputs: { a, b }, attrs: { activation = IDENTITY }, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    const C = y.shape.at(-1)!;
    const constants = { LENGTH, C, ...activationConstants(activation) };
    emit.dispatch(add_forward, { a, b, y }, constants, grid(LENGTH, add_forward));
  },
  backward: "add",
  fuse: (node, next) => withActivation(node, next),
};

export const addBackward: GradientRule<In, Add, Out> = (
  emit,
  { inputs: { a, b }, attrs: { activation = IDENTITY }, outputs: { y } },
) => {
  const dy = emit.gradient(y);
  if (activation.name === "identity") {
    for (const input of [a, b]) if (emit.wants(input)) emit.pass(input, dy);
    return;
  }
  shareGradient(emit, [a, b], (target) => emitBeforeActivation(emit, { y, dy }, activation, target));
};

import type { Op } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { scale, sub_forward } from "../../kernel/shaders.gen.ts";
import { expectAlike } from "./branches.ts";

type In = { a: Tensor; b: Tensor };
type Out = { y: Tensor };

/** y = a − b, elementwise. a, b, y (…, C) of one shape. */
export const subOp: Op<In, Record<never, never>, Out> = {
  name: "sub",
  takes: { inputs: { a: "required", b: "required" }, options: {} },
  infer({ a, b }) {
    expectAlike("sub", [a, b]);
    return { y: { shape: a.shape, dtype: a.storage.dtype } };
  },
  forward(emit, { inputs: { a, b }, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    emit.dispatch(sub_forward, { a, b, y }, { LENGTH }, grid(LENGTH, sub_forward));
  },
  backward(emit, { inputs: { a, b }, outputs: { y } }) {
    const dy = emit.gradient(y);
    if (emit.wants(a)) emit.pass(a, dy);
    if (!emit.wants(b)) return;
    const { tensor, accumulate: ACCUMULATE } = emit.into(b);
    const LENGTH = storedLength(y.shape) / 4;
    const constants = { LENGTH, SCALE: -1, ACCUMULATE };
    emit.dispatch(scale, { x: dy, y: tensor }, constants, grid(LENGTH, scale));
  },
};

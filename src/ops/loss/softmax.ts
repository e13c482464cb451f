import { ShapeError } from "../../base/errors.ts";
import type { GradientRule, Op } from "../../graph/op.ts";
import { describe, type Tensor } from "../../graph/tensor.ts";
import { fold } from "../../kernel/grid.ts";
import { softmax_backward, softmax_forward } from "../../kernel/shaders.gen.ts";

type In = { x: Tensor };
type Out = { y: Tensor };

/** y = softmax(x) along the rows; x, y (N, K). For predictions: a loss takes the logits themselves. */
export const softmaxOp: Op<In, Record<string, never>, Out> = {
  name: "softmax",
  takes: { inputs: { x: "required" }, options: {} },
  infer({ x }) {
    if (x.shape.length !== 2) throw new ShapeError("softmax", "expects an (N, K) tensor", describe(x));
    return { y: { shape: x.shape } };
  },
  forward(emit, { inputs: { x }, outputs: { y } }) {
    const [N, K] = x.shape as [number, number];
    emit.dispatch(softmax_forward, { x, y }, { N, K }, fold(N));
  },
  backward: "softmax",
};

export const softmaxBackward: GradientRule<In, Record<string, never>, Out> = (
  emit,
  { inputs: { x }, outputs: { y } },
) => {
  const [N, K] = x.shape as [number, number];
  const dy = emit.gradient(y);
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  emit.dispatch(softmax_backward, { y, dy, dx }, { N, K, ACCUMULATE }, fold(N));
};

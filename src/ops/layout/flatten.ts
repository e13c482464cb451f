import type { GradientRule, Op } from "../../graph/op.ts";
import { nhwc, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { flatten_backward, flatten_forward } from "../../kernel/shaders.gen.ts";

type In = { x: Tensor };
type Out = { y: Tensor };

/** Whether both shapes lie alike in memory: no padding between pixels. */
function isView(x: Tensor): boolean {
  const [, H, W, C] = nhwc("flatten", x);
  return C % 4 === 0 || H * W === 1;
}

/** y (N, H·W·C) from x (N, H, W, C): a view where C is a multiple of 4, otherwise a copy without padding. */
export const flattenOp: Op<In, Record<never, never>, Out> = {
  name: "flatten",
  takes: { inputs: { x: "required" }, options: {} },
  infer({ x }) {
    const [N, H, W, C] = nhwc("flatten", x);
    return { y: { shape: [N, H * W * C], dtype: x.storage.dtype } };
  },
  views: ({ x }) => (isView(x) ? { y: x } : {}),
  forward(emit, { inputs: { x }, outputs: { y } }) {
    if (isView(x)) return;
    const [, H, W, C] = nhwc("flatten", x);
    const LENGTH = storedLength(y.shape) / 4;
    const constants = { LENGTH, C, PIXELS: H * W };
    emit.dispatch(flatten_forward, { x, y }, constants, grid(LENGTH, flatten_forward));
  },
  backward: "flatten",
};

export const flattenBackward: GradientRule<In, Record<never, never>, Out> = (
  emit,
  { inputs: { x }, outputs: { y } },
) => {
  const dy = emit.gradient(y);
  if (isView(x)) {
    emit.pass(x, dy);
    return;
  }
  const [, H, W, C] = nhwc("flatten", x);
  const LENGTH = storedLength(x.shape) / 4;
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  const constants = { LENGTH, C, PIXELS: H * W, ACCUMULATE };
  emit.dispatch(flatten_backward, { dy, dx }, constants, grid(LENGTH, flatten_backward));
};

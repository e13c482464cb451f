import type { Op } from "../../graph/op.ts";
import { nhwc, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { global_max_pool_backward, global_max_pool_forward } from "../../kernel/shaders.gen.ts";

type In = { x: Tensor };
type Out = { y: Tensor; index: Tensor };

/**
 * Maximum over all pixels. x (N, H, W, C), y (N, C). The first of equal values gets the gradient; NaN propagates. `index`
 * holds the pixel of each maximum, for the gradient.
 */
export const globalMaxPoolOp: Op<In, Record<never, never>, Out> = {
  name: "global_max_pool",
  takes: { inputs: { x: "required" }, options: {} },
  infer({ x }) {
    const [N, , , C] = nhwc("global_max_pool", x);
    return { y: { shape: [N, C], dtype: x.storage.dtype }, index: { shape: [N, pad4(C)], dtype: "u32" } };
  },
  forward(emit, { inputs: { x }, outputs: { y, index } }) {
    const [, H, W, C] = nhwc("global_max_pool", x);
    const LENGTH = storedLength(y.shape) / 4;
    const constants = { LENGTH, C, PIXELS: H * W };
    emit.dispatch(global_max_pool_forward, { x, y, index }, constants, grid(LENGTH, global_max_pool_forward));
  },
  backward(emit, { inputs: { x }, outputs: { y, index } }) {
    const [, H, W, C] = nhwc("global_max_pool", x);
    const LENGTH = storedLength(x.shape) / 4;
    const dy = emit.gradient(y);
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { LENGTH, C, PIXELS: H * W, ACCUMULATE };
    const workgroups = grid(LENGTH, global_max_pool_backward);
    emit.dispatch(global_max_pool_backward, { index, dy, dx }, constants, workgroups);
  },
};

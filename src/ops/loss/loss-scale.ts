import type { Op } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { scale_by } from "../../kernel/shaders.gen.ts";
import { emitCast } from "../elementwise/cast.ts";

type In = {
  x: Tensor;
  /** (4), the scale first. */
  scale: Tensor;
};
type Out = { y: Tensor };

const isView = (x: Tensor): boolean => x.storage.dtype === "f32";

/**
 * y = x as f32, and dx = scale dy: what stands before a loss so that gradients do not vanish where they are f16. The
 * loss itself stays as it is.
 *
 * Micikevicius et al., "Mixed Precision Training", ICLR 2018, §3.2.
 */
export const lossScaleOp: Op<In, Record<never, never>, Out> = {
  name: "loss_scale",
  takes: { inputs: { x: "required", scale: "required" }, options: {} },
  infer: ({ x }) => ({ y: { shape: x.shape } }),
  views: ({ x }) => (isView(x) ? { y: x } : {}),
  forward(emit, { inputs: { x }, outputs: { y } }) {
    if (!isView(x)) emitCast(emit, x, y);
  },
  backward(emit, { inputs: { x, scale }, outputs: { y } }) {
    const dy = emit.gradient(y);
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const LENGTH = storedLength(y.shape) / 4;
    const C = y.shape.at(-1)!;
    const constants = { LENGTH, C, ACCUMULATE };
    emit.dispatch(scale_by, { x: dy, factor: scale, y: dx }, constants, grid(LENGTH, scale_by));
  },
};

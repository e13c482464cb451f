import { ShapeError } from "../../base/errors.ts";
import { oneOf } from "../../base/schema.ts";
import type { Pair } from "../../base/window.ts";
import type { Op } from "../../graph/op.ts";
import { PAIR } from "../../graph/takes.ts";
import { describe, nhwc, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { upsample_backward, upsample_forward } from "../../kernel/shaders.gen.ts";

export interface Upsample {
  /** Height and width of y. */
  readonly size: Pair;
  readonly mode: "nearest" | "bilinear";
}

type In = { x: Tensor };
type Out = { y: Tensor };

/** Largest extent, so that the kernels' whole numbers fit into 32 bits. */
const MAX_EXTENT = 2 ** 14;

function constantsOf(x: Tensor, { size: [P, Q], mode }: Upsample) {
  const [, H, W, C] = nhwc("upsample", x);
  return { C, H, W, P, Q, LINEAR: mode === "bilinear" ? 1 : 0 };
}

/** y (N, P, Q, C) is x (N, H, W, C) at another size, smaller ones too, as torch.nn.functional.interpolate makes it. */
export const upsampleOp: Op<In, Upsample, Out> = {
  name: "upsample",
  takes: {
    inputs: { x: "required" },
    options: { size: PAIR, mode: /* @__PURE__ */ oneOf<Upsample["mode"]>(["nearest", "bilinear"]) },
  },
  infer({ x }, { size }) {
    const [N, H, W, C] = nhwc("upsample", x);
    const sound = (extent: number) => Number.isInteger(extent) && extent >= 1 && extent <= MAX_EXTENT;
    if (![H, W, ...size].every(sound)) {
      const reason = `sizes must be whole numbers from 1 to ${MAX_EXTENT}`;
      throw new ShapeError("upsample", reason, `${size.join("×")}, ${describe(x)}`);
    }
    return { y: { shape: [N, ...size, C], dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    emit.dispatch(
      upsample_forward,
      { x, y },
      { ...constantsOf(x, attrs), LENGTH },
      grid(LENGTH, upsample_forward),
    );
  },
  backward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const LENGTH = storedLength(x.shape) / 4;
    const dy = emit.gradient(y);
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { ...constantsOf(x, attrs), LENGTH, ACCUMULATE };
    emit.dispatch(upsample_backward, { dy, dx }, constants, grid(LENGTH, upsample_backward));
  },
};

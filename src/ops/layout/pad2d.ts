import { ShapeError } from "../../base/errors.ts";
import { oneOf } from "../../base/schema.ts";
import type { Pads } from "../../base/window.ts";
import type { Op } from "../../graph/op.ts";
import { OPTIONAL_NUMBER, PADS } from "../../graph/takes.ts";
import { describe, nhwc, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { pad2d_backward, pad2d_forward } from "../../kernel/shaders.gen.ts";

export interface Pad2d {
  /** Pixels to add; negative: to take away. */
  readonly padding: Pads;
  readonly mode: "constant" | "reflect";
  /** What `constant` adds. Default 0. */
  readonly value?: number;
}

type In = { x: Tensor };
type Out = { y: Tensor };

function constantsOf(x: Tensor, y: Tensor, { padding: [TOP, , LEFT], mode }: Pad2d) {
  const [, H, W, C] = nhwc("pad2d", x);
  const [, P, Q] = nhwc("pad2d", y);
  return { C, H, W, P, Q, TOP, LEFT, REFLECT: mode === "reflect" ? 1 : 0 };
}

/**
 * y (N, H + top + bottom, W + left + right, C) from x (N, H, W, C): with pixels of one value, or reflected without those at
 * the edge, around it; or with fewer pixels.
 */
export const pad2dOp: Op<In, Pad2d, Out> = {
  name: "pad2d",
  takes: {
    inputs: { x: "required" },
    options: {
      padding: PADS,
      mode: /* @__PURE__ */ oneOf<"constant" | "reflect">(["constant", "reflect"]),
      value: OPTIONAL_NUMBER,
    },
  },
  infer({ x }, { padding, mode, value = 0 }) {
    const [N, H, W, C] = nhwc("pad2d", x);
    const [top, bottom, left, right] = padding;
    const refuse = (reason: string): never => {
      throw new ShapeError("pad2d", reason, `padding ${padding.join(", ")}, ${describe(x)}`);
    };
    if (!padding.every(Number.isInteger)) refuse("padding must be whole numbers");
    if (!Number.isFinite(value)) refuse(`value must be finite, not ${value}`);
    if (mode === "reflect" && (Math.max(top, bottom) >= H || Math.max(left, right) >= W)) {
      refuse("reflected padding must be smaller than the map");
    }
    const [P, Q] = [H + top + bottom, W + left + right];
    if (P < 1 || Q < 1) refuse("no pixel is left");
    return { y: { shape: [N, P, Q, C], dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const LENGTH = storedLength(y.shape) / 4;
    const constants = { ...constantsOf(x, y, attrs), LENGTH, VALUE: attrs.value ?? 0 };
    emit.dispatch(pad2d_forward, { x, y }, constants, grid(LENGTH, pad2d_forward));
  },
  backward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const LENGTH = storedLength(x.shape) / 4;
    const dy = emit.gradient(y);
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { ...constantsOf(x, y, attrs), LENGTH, ACCUMULATE };
    emit.dispatch(pad2d_backward, { dy, dx }, constants, grid(LENGTH, pad2d_backward));
  },
};

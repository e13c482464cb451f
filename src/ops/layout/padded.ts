import { ShapeError } from "../../base/errors.ts";
import { oneOf, type Schema } from "../../base/schema.ts";
import type { Emitter, Op } from "../../graph/op.ts";
import { numbers } from "../../graph/takes.ts";
import { describe, nhwc, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { from_padded, to_padded } from "../../kernel/shaders.gen.ts";

/**
 * The order in memory without padding, as other libraries keep it: of activations (N, H, W, C), or of weights
 * (R, S, C, K), which torch has as K, C, R, S.
 */
export type PlainLayout = "nchw" | "nhwc" | "oihw";

export interface ToPadded {
  readonly from: PlainLayout;
  /** (N, H, W, C) or (R, S, C, K). */
  readonly shape: readonly [number, number, number, number];
}

export interface FromPadded {
  readonly to: PlainLayout;
}

const LAYOUT = /* @__PURE__ */ oneOf(["nchw", "nhwc", "oihw"]);
const SHAPE: Schema<ToPadded["shape"]> = /* @__PURE__ */ numbers("N", "H", "W", "C");

type In = { x: Tensor };
type Out = { y: Tensor };

/** y (N, H, W, C) or (R, S, C, K) from x, the same numbers one after another in another order. */
export const toPaddedOp: Op<In, ToPadded, Out> = {
  name: "to_padded",
  takes: { inputs: { x: "required" }, options: { from: LAYOUT, shape: SHAPE } },
  infer({ x }, { shape }) {
    const count = shape.reduce((product, extent) => product * extent, 1);
    if (x.shape.length !== 1 || x.shape[0] !== count) {
      throw new ShapeError("to_padded", `(${shape.join(", ")}) expects (${count}) numbers`, describe(x));
    }
    return { y: { shape, dtype: x.storage.dtype } };
  },
  forward: (emit, { inputs: { x }, attrs, outputs: { y } }) => emitToPadded(emit, x, y, attrs.from, 0),
  backward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const { tensor, accumulate } = emit.into(x);
    emitFromPadded(emit, emit.gradient(y), tensor, attrs.from, accumulate);
  },
};

/** y, the numbers of x (N, H, W, C) or (R, S, C, K) one after another in another order. */
export const fromPaddedOp: Op<In, FromPadded, Out> = {
  name: "from_padded",
  takes: { inputs: { x: "required" }, options: { to: LAYOUT } },
  infer: ({ x }) => ({
    y: {
      shape: [nhwc("from_padded", x).reduce((product, extent) => product * extent)],
      dtype: x.storage.dtype,
    },
  }),
  forward: (emit, { inputs: { x }, attrs, outputs: { y } }) => emitFromPadded(emit, x, y, attrs.to, 0),
  backward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const { tensor, accumulate } = emit.into(x);
    emitToPadded(emit, emit.gradient(y), tensor, attrs.to, accumulate);
  },
};

function emitToPadded(emit: Emitter, x: Tensor, y: Tensor, from: PlainLayout, ACCUMULATE: 0 | 1): void {
  const LENGTH = storedLength(y.shape) / 4;
  const { OUTER, ...order } = orderOf(y, from);
  emit.dispatch(to_padded, { x, y }, { LENGTH, ...order, ACCUMULATE }, grid(LENGTH, to_padded));
}

function emitFromPadded(emit: Emitter, x: Tensor, y: Tensor, to: PlainLayout, ACCUMULATE: 0 | 1): void {
  const LENGTH = storedLength(y.shape);
  const constants = { LENGTH, COUNT: y.shape[0]!, ...orderOf(x, to), ACCUMULATE };
  emit.dispatch(from_padded, { x, y }, constants, grid(LENGTH, from_padded));
}

/** A padded tensor as (OUTER, INNER, C), and how far apart its neighbours lie in another layout. */
function orderOf(padded: Tensor, layout: PlainLayout) {
  const [a, b, c, d] = nhwc("padded layout", padded);
  const [OUTER, INNER, C] = layout === "oihw" ? [a * b, c, d] : [a, b * c, d];
  const [OUTER_STEP, INNER_STEP, STEP] = {
    nhwc: [INNER * C, C, 1],
    nchw: [C * INNER, 1, INNER],
    oihw: [1, OUTER, INNER * OUTER],
  }[layout] as [number, number, number];
  return { OUTER, INNER, C, OUTER_STEP, INNER_STEP, STEP };
}

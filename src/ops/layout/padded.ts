import { ShapeError } from "../../base/errors.ts";
import { oneOf, type Schema } from "../../base/schema.ts";
import type { Emitter, Op } from "../../graph/op.ts";
import { numbers } from "../../graph/takes.ts";
import { describe, nhwc, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { from_padded, to_padded } from "../../kernel/shaders.gen.ts";

/** The order of an image batch in memory without padding, as other libraries keep it. */
export type PlainLayout = "nchw" | "nhwc";

export interface ToPadded {
  readonly from: PlainLayout;
  readonly shape: readonly [N: number, H: number, W: number, C: number];
}

export interface FromPadded {
  readonly to: PlainLayout;
}

const LAYOUT = /* @__PURE__ */ oneOf(["nchw", "nhwc"]);
const NHWC: Schema<ToPadded["shape"]> = /* @__PURE__ */ numbers("N", "H", "W", "C");

type In = { x: Tensor };
type Out = { y: Tensor };

/** y (N, H, W, C) from x, the same numbers one after another (N·C·H·W or N·H·W·C). */
export const toPaddedOp: Op<In, ToPadded, Out> = {
  name: "to_padded",
  takes: { inputs: { x: "required" }, options: { from: LAYOUT, shape: NHWC } },
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

/** y, the numbers of x (N, H, W, C) one after another (N·C·H·W or N·H·W·C). */
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
  const [, H, W, C] = nhwc("to_padded", y);
  const LENGTH = storedLength(y.shape) / 4;
  const constants = { LENGTH, PIXELS: H * W, C, NCHW: Number(from === "nchw"), ACCUMULATE };
  emit.dispatch(to_padded, { x, y }, constants, grid(LENGTH, to_padded));
}

function emitFromPadded(emit: Emitter, x: Tensor, y: Tensor, to: PlainLayout, ACCUMULATE: 0 | 1): void {
  const [, H, W, C] = nhwc("from_padded", x);
  const LENGTH = storedLength(y.shape);
  const constants = { LENGTH, COUNT: y.shape[0]!, PIXELS: H * W, C, NCHW: Number(to === "nchw"), ACCUMULATE };
  emit.dispatch(from_padded, { x, y }, constants, grid(LENGTH, from_padded));
}

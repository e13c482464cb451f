import { ShapeError } from "../../base/errors.ts";
import { optional, value } from "../../base/schema.ts";
import type { Emitter, GradientTarget, Op } from "../../graph/op.ts";
import { describe, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { rescale } from "../../kernel/shaders.gen.ts";

/** Constant numbers, one for all channels or one for each. */
export interface Rescale {
  /** Default 1. */
  readonly scale?: number | readonly number[];
  /** Added after scaling. Default 0. */
  readonly offset?: number | readonly number[];
}

type In = { x: Tensor };
type Out = { y: Tensor };

const NUMBERS = /* @__PURE__ */ optional(
  /* @__PURE__ */ value<number | readonly number[]>(
    "a finite number or one for each channel",
    (given) => [given].flat().length > 0 && [given].flat().every(Number.isFinite),
  ),
);

/** y = scale x + offset, elementwise, by constant numbers. x, y (…, C). */
export const rescaleOp: Op<In, Rescale, Out> = {
  name: "rescale",
  takes: { inputs: { x: "required" }, options: { scale: NUMBERS, offset: NUMBERS } },
  infer({ x }, { scale = 1, offset = 0 }) {
    const C = x.shape.at(-1)!;
    for (const numbers of [scale, offset]) {
      if (typeof numbers === "number" || numbers.length === C) continue;
      throw new ShapeError("rescale", `needs ${C} numbers, or one`, `${numbers.length}, ${describe(x)}`);
    }
    return { y: { shape: x.shape, dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x }, attrs: { scale = 1, offset = 0 }, outputs: { y } }) {
    emitRescale(emit, x, scale, offset, { tensor: y, accumulate: 0 });
  },
  backward(emit, { inputs: { x }, attrs: { scale = 1 }, outputs: { y } }) {
    const dy = emit.gradient(y);
    emitRescale(emit, dy, scale, 0, emit.into(x));
  },
};

function emitRescale(
  emit: Emitter,
  x: Tensor,
  scale: number | readonly number[],
  offset: number | readonly number[],
  { tensor: y, accumulate: ACCUMULATE }: GradientTarget,
): void {
  const C = x.shape.at(-1)!;
  const LENGTH = storedLength(x.shape) / 4;
  const constant = (name: string, numbers: number | readonly number[]): Tensor => {
    const data = new Float32Array(pad4(C));
    if (typeof numbers === "number") data.fill(numbers, 0, C);
    else data.set(numbers);
    return emit.constant(name, data);
  };
  const bindings = { x, scale: constant("scale", scale), offset: constant("offset", offset), y };
  emit.dispatch(rescale, bindings, { LENGTH, C, ACCUMULATE }, grid(LENGTH, rescale));
}

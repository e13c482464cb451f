import { oneOf } from "../../base/schema.ts";
import type { Emitter, Op } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { accumulate } from "../../kernel/shaders.gen.ts";

export interface Cast {
  /** What y is stored as. */
  readonly to: "f32" | "f16";
}

const CAST_TYPE = /* @__PURE__ */ oneOf(["f32", "f16"]);

type In = { x: Tensor };
type Out = { y: Tensor };

/** y = x, stored as another type; x, y of any shape. f16 has 11 significant bits, and 65,504 is its largest number. */
export const castOp: Op<In, Cast, Out> = {
  name: "cast",
  takes: { inputs: { x: "required" }, options: { to: CAST_TYPE } },
  infer: ({ x }, { to }) => ({ y: { shape: x.shape, dtype: to } }),
  views: ({ x }, { to }) => (x.storage.dtype === to ? { y: x } : {}),
  forward(emit, { inputs: { x }, attrs: { to }, outputs: { y } }) {
    if (x.storage.dtype !== to) emitCast(emit, x, y);
  },
  // Where the types differ, this launches the kernel that also adds up gradients.
  backward(emit, { inputs: { x }, outputs: { y } }) {
    emit.pass(x, emit.gradient(y));
  },
};

/** Emits y = x for tensors of one shape, whatever they are stored as. */
export function emitCast(emit: Emitter, x: Tensor, y: Tensor): void {
  const LENGTH = storedLength(y.shape) / 4;
  emit.dispatch(accumulate, { x, y }, { LENGTH, ACCUMULATE: 0 }, grid(LENGTH, accumulate));
}

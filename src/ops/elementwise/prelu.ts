import { ShapeError } from "../../base/errors.ts";
import type { BackwardEmitter, GradientTarget, Op } from "../../graph/op.ts";
import { describe, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import {
  mul_pixel_sums,
  prelu_backward,
  prelu_forward,
  prelu_weight_sums,
} from "../../kernel/shaders.gen.ts";
import { emitSplitSum } from "../conv/split-sum.ts";
import { partsFor } from "../norm/rows.ts";

type In = {
  /** (…, C). */
  x: Tensor;
  /** The slope for negative x, of each channel, (C), or one for all, (1). */
  weight: Tensor;
};
type Out = { y: Tensor };

function constantsOf(x: Tensor, weight: Tensor) {
  const C = x.shape.at(-1)!;
  return { LENGTH: storedLength(x.shape) / 4, C, SHARED: weight.shape[0] === C ? 0 : 1 };
}

/** y = x, and weight x for negative x. x, y (…, C), weight (C) or (1). He et al. 2015. */
export const preluOp: Op<In, Record<never, never>, Out> = {
  name: "prelu",
  takes: { inputs: { x: "required", weight: "required" }, options: {} },
  infer({ x, weight }) {
    const C = x.shape.at(-1)!;
    if (weight.shape.join() !== `${C}` && weight.shape.join() !== "1") {
      throw new ShapeError(
        "prelu",
        `expects a weight of (${C}) or (1)`,
        `${describe(x)}, ${describe(weight)}`,
      );
    }
    return { y: { shape: x.shape, dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x, weight }, outputs: { y } }) {
    const constants = constantsOf(x, weight);
    emit.dispatch(prelu_forward, { x, weight, y }, constants, grid(constants.LENGTH, prelu_forward));
  },
  backward(emit, { inputs: { x, weight }, outputs: { y } }) {
    const dy = emit.gradient(y);
    if (emit.wants(weight)) emitWeightGradient(emit, x, dy, emit.into(weight));
    if (!emit.wants(x)) return;
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { ...constantsOf(x, weight), ACCUMULATE };
    emit.dispatch(prelu_backward, { x, weight, dy, dx }, constants, grid(constants.LENGTH, prelu_backward));
  },
};

function emitWeightGradient(emit: BackwardEmitter, x: Tensor, dy: Tensor, target: GradientTarget): void {
  const C = x.shape.at(-1)!;
  const ROWS = storedLength(x.shape) / pad4(C);
  const PARTS = partsFor({ ROWS, C }, isCpu(emit.device) ? "few" : "many");
  const partial = emit.temporary("partial", [PARTS, C]);
  const workgroups = grid((PARTS * pad4(C)) / 4, prelu_weight_sums);
  emit.dispatch(prelu_weight_sums, { x, dy, partial }, { ROWS, C, PARTS }, workgroups);
  if (target.tensor.shape[0] === C) {
    emitSplitSum(emit, partial, PARTS, target);
    return;
  }
  // Of all channels: the sum of their products with one.
  const sums = emit.temporary("sums", [C]);
  emitSplitSum(emit, partial, PARTS, { tensor: sums, accumulate: 0 });
  const ones = emit.constant("ones", new Float32Array(pad4(C)).fill(1));
  const { tensor: db, accumulate: ACCUMULATE } = target;
  const constants = { PIXELS: 1, C, ACCUMULATE };
  emit.dispatch(mul_pixel_sums, { a: sums, dy: ones, db }, constants, grid(1, mul_pixel_sums));
}

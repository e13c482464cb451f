/** The second pass of a sum that was divided among invocations, so that there are enough of them. */
import type { Emitter, GradientTarget } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { split_sum } from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";

/** Emits y = f(bias + Σ of the splits), or y += …. */
export function emitSplitSum(
  emit: Emitter,
  x: Tensor,
  SPLITS: number,
  { tensor: y, accumulate: ACCUMULATE }: GradientTarget,
  bias?: Tensor,
  activation: Activation = IDENTITY,
): void {
  const LENGTH = storedLength(y.shape) / 4;
  const C = y.shape.at(-1)!;
  const constants = {
    ...{ LENGTH, C, SPLITS, ACCUMULATE, HAS_BIAS: bias ? 1 : 0 },
    ...activationConstants(activation),
  };
  emit.dispatch(split_sum, { x, bias: bias ?? x, y }, constants, grid(LENGTH, split_sum));
}

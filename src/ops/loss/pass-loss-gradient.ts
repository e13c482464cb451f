import type { BackwardEmitter } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { scale_by } from "../../kernel/shaders.gen.ts";

/**
 * Passes on to `input` the gradient that a loss has computed for it: as it is where gradients start at the loss, and
 * multiplied by the loss's own gradient where the loss is a part of another.
 */
export function passLossGradient(emit: BackwardEmitter, input: Tensor, gradient: Tensor, loss: Tensor): void {
  if (emit.startsAt(loss)) {
    emit.pass(input, gradient);
    return;
  }
  const factor = emit.gradient(loss);
  const { tensor: y, accumulate: ACCUMULATE } = emit.into(input);
  const LENGTH = storedLength(gradient.shape) / 4;
  const constants = { LENGTH, C: gradient.shape.at(-1)!, ACCUMULATE };
  emit.dispatch(scale_by, { x: gradient, factor, y }, constants, grid(LENGTH, scale_by));
}

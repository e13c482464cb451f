import { ShapeError } from "../../base/errors.ts";
import { count } from "../../base/schema.ts";
import type { GradientRule, Op } from "../../graph/op.ts";
import { OPTIONAL_NUMBER } from "../../graph/takes.ts";
import { describe, pad4, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { concat_backward, pad_channels_forward } from "../../kernel/shaders.gen.ts";

export interface PadChannels {
  /** Channels of y; no fewer than those of x with those before it. */
  readonly channels: number;
  /** How many of the zeros are before x's channels; the others are after them. Default 0. */
  readonly before?: number;
}

type In = { x: Tensor };
type Out = { y: Tensor };

function extents({ shape }: Tensor): { ROWS: number; C: number } {
  return { ROWS: shape.slice(0, -1).reduce((a, b) => a * b, 1), C: shape.at(-1)! };
}

/** y (…, channels) from x (…, C): zeros in the channels before and after those of x. */
export const padChannelsOp: Op<In, PadChannels, Out> = {
  name: "pad_channels",
  takes: { inputs: { x: "required" }, options: { channels: count, before: OPTIONAL_NUMBER } },
  infer({ x }, { channels, before = 0 }) {
    if (!Number.isInteger(before) || before < 0) {
      throw new ShapeError("pad_channels", "before must be a whole number", String(before));
    }
    if (channels < before + x.shape.at(-1)!) {
      throw new ShapeError("pad_channels", `cannot have fewer channels, ${channels}`, describe(x));
    }
    return { y: { shape: [...x.shape.slice(0, -1), channels], dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x }, attrs: { channels: WIDTH, before: OFFSET = 0 }, outputs: { y } }) {
    const { ROWS, C } = extents(x);
    const workgroups = grid((ROWS * pad4(WIDTH)) / 4, pad_channels_forward);
    emit.dispatch(pad_channels_forward, { x, y }, { ROWS, C, OFFSET, WIDTH }, workgroups);
  },
  backward: "pad_channels",
};

/** dx is a slice of dy's channels, as it is where tensors were joined. */
export const padChannelsBackward: GradientRule<In, PadChannels, Out> = (
  emit,
  { inputs: { x }, attrs: { channels: WIDTH, before: OFFSET = 0 }, outputs: { y } },
) => {
  const dy = emit.gradient(y);
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  const { ROWS, C } = extents(x);
  const constants = { ROWS, C, OFFSET, WIDTH, ACCUMULATE };
  emit.dispatch(concat_backward, { dy, dx }, constants, grid((ROWS * pad4(C)) / 4, concat_backward));
};

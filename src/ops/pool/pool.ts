import { ShapeError } from "../../base/errors.ts";
import { flag, optional } from "../../base/schema.ts";
import { convOutput, type Padding, type Pads, type Pair, pair, resolvePadding } from "../../base/window.ts";
import type { GradientRule, Op } from "../../graph/op.ts";
import { PADS, PAIR } from "../../graph/takes.ts";
import { describe, nhwc, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  avg_pool2d_backward,
  avg_pool2d_forward,
  global_avg_pool_backward,
  global_avg_pool_forward,
} from "../../kernel/shaders.gen.ts";
import { type Activation, IDENTITY, keepsMaximum, OPTIONAL_ACTIVATION } from "../elementwise/activation.ts";
import type { TakesOptions } from "../options.ts";
import { emitBest } from "../tunable.ts";
import { MAX_POOL_BACKWARD, MAX_POOL_FORWARD, type Windows } from "./max-pool-passes.ts";

export interface Pool2d {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pads;
}

/** Windows, as the layers take them. */
export interface Pool2dOptions {
  readonly kernelSize: number | Pair;
  /** Default: the kernel size, so that windows tile the map. */
  readonly stride?: number | Pair;
  /** Default 0. */
  readonly padding?: Padding;
  /** Whether a window that ends past the last pixel is kept, if it begins before it. Default false, as in torch. */
  readonly ceilMode?: boolean;
}

/** Windows of `avgPool2d`, and whether padding counts. */
export interface AvgPool2dOptions extends Pool2dOptions {
  /** Whether the padding's zeros count in the mean. Default true, as in torch. */
  readonly countIncludePad?: boolean;
}

export interface MaxPool2d extends Pool2d {
  /** Applied to the maximum: identity, ReLU or leaky ReLU (`keepsMaximum`). */
  readonly activation?: Activation;
}

export interface AvgPool2d extends Pool2d {
  /** Whether cells in the padding count, as zeros. */
  readonly countIncludePad: boolean;
  /** How much of the padding at the bottom and right never counts, since `ceilMode` added it. Default none. */
  readonly ceil?: Pair;
}

const OPTIONAL_PAIR = /* @__PURE__ */ optional(PAIR);

type In = { x: Tensor };
type Out = { y: Tensor };

/** Pixels that one invocation of a global average's gradient writes, from the same four numbers. */
const PIXELS_EACH = 16;

/** Cells of a max-pool window that one byte can number. */
const MAX_CELLS = 255;

/** The shape (N, P, Q, C) of the result. Partial windows at the end are dropped. */
function outputShape(operation: string, x: Tensor, { kernel, stride, padding }: Pool2d): number[] {
  const [N, H, W, C] = nhwc(operation, x);
  const [top, bottom, left, right] = padding;
  const given = `kernel ${kernel.join("×")}, padding ${padding.join(", ")}, ${describe(x)}`;
  if (Math.max(top, bottom) >= kernel[0] || Math.max(left, right) >= kernel[1]) {
    throw new ShapeError(operation, "padding must be smaller than the kernel", given);
  }
  const P = convOutput(H, kernel[0], stride[0], 1, top + bottom);
  const Q = convOutput(W, kernel[1], stride[1], 1, left + right);
  if (P < 1 || Q < 1) throw new ShapeError(operation, "the kernel is larger than the padded input", given);
  return [N, P, Q, C];
}

/** The attributes of windows on x; other options stay as they are. */
function windows<Rest>(
  { x }: In,
  { kernelSize, stride = kernelSize, padding = 0, ceilMode = false, ...rest }: Pool2dOptions & Rest,
) {
  const [, H, W] = nhwc("pool", x);
  const [kernel, strides] = [pair(kernelSize), pair(stride)];
  const [top, bottom, left, right] = resolvePadding(padding, [H, W], kernel, strides);
  const after = (axis: 0 | 1, pads: Pair): number =>
    ceilMode ? ceilPadding([H, W][axis]!, kernel[axis], strides[axis], pads) : pads[1];
  const pads: Pads = [top, after(0, [top, bottom]), left, after(1, [left, right])];
  return { ...rest, kernel, stride: strides, padding: pads };
}

/** Padding after the last pixel with which windows that end past it are whole; it is less than a window. */
function ceilPadding(input: number, taps: number, stride: number, [before, after]: Pair): number {
  const last = Math.ceil((input + before + after - taps) / stride) * stride;
  return last < input + before ? Math.max(after, last + taps - input - before) : after;
}

/** The attributes of an average. Where nothing but what `ceilMode` adds is padded, that is to count no padding. */
function averageWindows(inputs: In, options: AvgPool2dOptions): AvgPool2d {
  const { countIncludePad = true, ceilMode = false, ...rest } = options;
  const attrs = windows(inputs, { ...rest, countIncludePad });
  const { padding } = windows(inputs, { ...rest, ceilMode });
  const ceil: Pair = [padding[1] - attrs.padding[1], padding[3] - attrs.padding[3]];
  if (ceil.every((pixels) => pixels === 0)) return attrs;
  const counts = countIncludePad && attrs.padding.some((pixels) => pixels > 0);
  return { ...attrs, padding, countIncludePad: counts, ...(counts && { ceil }) };
}

/** The constants of shaders/lib/core/pool.wgsl. */
function geometry(x: Tensor, y: Tensor, { kernel, stride, padding }: Pool2d) {
  const [, H, W, C] = nhwc("pool", x);
  const [, P, Q] = nhwc("pool", y);
  return {
    ...{ C, H, W, P, Q },
    ...{ KERNEL_H: kernel[0], KERNEL_W: kernel[1], STRIDE_H: stride[0], STRIDE_W: stride[1] },
    ...{ PAD_TOP: padding[0], PAD_LEFT: padding[2] },
  };
}

/** The constants of shaders/lib/core/pool_cells.wgsl. */
function averageConstants(x: Tensor, y: Tensor, attrs: AvgPool2d) {
  const [, H, W] = nhwc("avg_pool2d", x);
  const [top, bottom, left, right] = attrs.padding;
  const [below, beside] = attrs.ceil ?? [0, 0];
  return {
    ...geometry(x, y, attrs),
    COUNT_INCLUDE_PAD: attrs.countIncludePad ? 1 : 0,
    COUNTED_H: top + H + bottom - below,
    COUNTED_W: left + W + right - beside,
  };
}

const vec4s = (tensor: Tensor): number => storedLength(tensor.shape) / 4;

/**
 * f(maximum) over windows. x (N, H, W, C), y (N, P, Q, C), P = ⌊(H + top + bottom − h) / stride⌋ + 1. The first of
 * equal values gets the gradient; NaN propagates. `index` holds the cell of each maximum, for the gradient.
 */
export const maxPool2dOp: Op<In, MaxPool2d, Out & { index: Tensor }> &
  TakesOptions<In, Pool2dOptions & Pick<MaxPool2d, "activation">, MaxPool2d> = {
  name: "max_pool2d",
  attrsOf: windows,
  takes: {
    inputs: { x: "required" },
    options: { kernel: PAIR, stride: PAIR, padding: PADS, activation: OPTIONAL_ACTIVATION },
  },
  infer({ x }, attrs) {
    const [h, w] = attrs.kernel;
    const { activation = IDENTITY } = attrs;
    if (!keepsMaximum(activation)) {
      const given = `${activation.name}, alpha ${activation.alpha ?? 0}`;
      throw new ShapeError("max_pool2d", "the activation may be identity, ReLU or rising leaky ReLU", given);
    }
    if (h * w > MAX_CELLS) {
      throw new ShapeError("max_pool2d", `a window has at most ${MAX_CELLS} cells`, `kernel ${h}×${w}`);
    }
    const [N, P, Q, C] = outputShape("max_pool2d", x, attrs) as [number, number, number, number];
    return {
      y: { shape: [N, P, Q, C], dtype: x.storage.dtype },
      index: { shape: [N, P, Q, pad4(C) / 4], dtype: "u32" },
    };
  },
  forward(emit, { inputs: { x }, attrs, outputs: { y, index } }) {
    emitBest(MAX_POOL_FORWARD, emit, windowsOf(x, y, attrs), { x, y, index }, attrs.activation ?? IDENTITY);
  },
  backward: "max_pool2d",
};

export const maxPool2dBackward: GradientRule<In, MaxPool2d, Out & { index: Tensor }> = (
  emit,
  { inputs: { x }, attrs, outputs: { y, index } },
) => {
  const dy = emit.gradient(y);
  const { activation = IDENTITY } = attrs;
  const tensors = { y: activation.name === "identity" ? dy : y, dy, index };
  emitBest(MAX_POOL_BACKWARD, emit, windowsOf(x, y, attrs), tensors, emit.into(x), activation);
};

const windowsOf = (x: Tensor, y: Tensor, attrs: Pool2d): Windows => ({
  N: x.shape[0]!,
  ...geometry(x, y, attrs),
});

/** Mean over windows. x (N, H, W, C), y (N, P, Q, C), P = ⌊(H + top + bottom − h) / stride⌋ + 1. */
export const avgPool2dOp: Op<In, AvgPool2d, Out> & TakesOptions<In, AvgPool2dOptions, AvgPool2d> = {
  name: "avg_pool2d",
  attrsOf: averageWindows,
  takes: {
    inputs: { x: "required" },
    options: { kernel: PAIR, stride: PAIR, padding: PADS, countIncludePad: flag, ceil: OPTIONAL_PAIR },
  },
  infer: ({ x }, attrs) => ({ y: { shape: outputShape("avg_pool2d", x, attrs), dtype: x.storage.dtype } }),
  forward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const LENGTH = vec4s(y);
    const constants = { LENGTH, ...averageConstants(x, y, attrs) };
    emit.dispatch(avg_pool2d_forward, { x, y }, constants, grid(LENGTH, avg_pool2d_forward));
  },
  backward: "avg_pool2d",
};

export const avgPool2dBackward: GradientRule<In, AvgPool2d, Out> = (
  emit,
  { inputs: { x }, attrs, outputs: { y } },
) => {
  const LENGTH = vec4s(x);
  const dy = emit.gradient(y);
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  const constants = { LENGTH, ACCUMULATE, ...averageConstants(x, y, attrs) };
  emit.dispatch(avg_pool2d_backward, { dy, dx }, constants, grid(LENGTH, avg_pool2d_backward));
};

/** Mean over all pixels. x (N, H, W, C), y (N, C). */
export const globalAvgPoolOp: Op<In, Record<never, never>, Out> = {
  name: "global_avg_pool",
  takes: { inputs: { x: "required" }, options: {} },
  infer({ x }) {
    const [N, , , C] = nhwc("global_avg_pool", x);
    return { y: { shape: [N, C], dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x }, outputs: { y } }) {
    const [, H, W, C] = nhwc("global_avg_pool", x);
    const LENGTH = vec4s(y);
    emit.dispatch(
      global_avg_pool_forward,
      { x, y },
      { LENGTH, C, PIXELS: H * W },
      grid(LENGTH, global_avg_pool_forward),
    );
  },
  backward: "global_avg_pool",
};

export const globalAvgPoolBackward: GradientRule<In, Record<never, never>, Out> = (
  emit,
  { inputs: { x }, outputs: { y } },
) => {
  const [N, H, W, C] = nhwc("global_avg_pool", x);
  const PARTS = Math.ceil((H * W) / PIXELS_EACH);
  const LENGTH = (N * PARTS * pad4(C)) / 4;
  const dy = emit.gradient(y);
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  emit.dispatch(
    global_avg_pool_backward,
    { dy, dx },
    { LENGTH, C, PIXELS: H * W, PARTS, ACCUMULATE },
    grid(LENGTH, global_avg_pool_backward),
  );
};

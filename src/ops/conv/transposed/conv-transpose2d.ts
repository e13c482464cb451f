import { ShapeError } from "../../../base/errors.ts";
import { type Geometry, type Pads, type Pair, windowExtent } from "../../../base/window.ts";
import type { Op } from "../../../graph/op.ts";
import { NUMBER, PADS, PAIR } from "../../../graph/takes.ts";
import { describe, nhwc, type Tensor } from "../../../graph/tensor.ts";
import { type Activation, OPTIONAL_ACTIVATION } from "../../elementwise/activation.ts";
import {
  checkFusable,
  gradientBeforeActivation,
  withActivation,
} from "../../elementwise/fused-activation.ts";
import { emitBest } from "../../tunable.ts";
import { CONV_FORWARD } from "../conv-forward.ts";
import { CONV_GRAD_INPUT, CONV_GRAD_WEIGHT, emitGradBias } from "../conv-gradients.ts";
import { GROUPED_FORWARD } from "../grouped/forward.ts";
import { GROUPED_GRAD_INPUT, GROUPED_GRAD_WEIGHT } from "../grouped/gradients.ts";
import { emitSplitSum } from "../split-sum.ts";

export interface ConvTranspose2d {
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Pixels [top, bottom, left, right] that the result is without: padding of the convolution that this is the gradient of. */
  readonly padding: Pads;
  /** Rows and columns that the result has more, at the bottom and right. */
  readonly outputPadding: Pair;
  /** Input and output channels are divided among so many groups that do not see each other. */
  readonly groups: number;
  /** Applied to the result: identity, ReLU, tanh or another that `isFusable`. */
  readonly activation?: Activation;
}

type In = { x: Tensor; weight: Tensor; bias: Tensor | undefined };
type Out = { y: Tensor };

/**
 * The gradient by its input of a convolution y → x with this weight, as torch.nn.ConvTranspose2d:
 *
 * y[n,p,q,k] = f(bias[k] + Σ x[n,h,w,c] weight[r,s,k,c] over p = h·stride + r·dilation − pad, q likewise)
 *
 * x (N, H, W, C), weight (R, S, K/groups, C), bias (K) → y (N, P, Q, K), P = (H − 1) stride − top − bottom +
 * (R − 1) dilation + outputPadding + 1. Its passes are those of conv2d, tuned as such. Throws ShapeError for what does not fit.
 */
export const convTranspose2dOp: Op<In, ConvTranspose2d, Out> = {
  name: "conv_transpose2d",
  takes: {
    inputs: { x: "required", weight: "required", bias: "optional" },
    options: {
      ...{ stride: PAIR, dilation: PAIR, padding: PADS, outputPadding: PAIR, groups: NUMBER },
      activation: OPTIONAL_ACTIVATION,
    },
  },
  infer(inputs, attrs) {
    check(inputs, attrs);
    const { N, H, W, C } = geometryOf(inputs, attrs);
    return { y: { shape: [N, H, W, C], dtype: inputs.x.storage.dtype } };
  },
  forward(emit, { inputs, attrs, outputs: { y } }) {
    const { x, weight: w, bias } = inputs;
    const { groups: GROUPS, activation } = attrs;
    const geometry = geometryOf(inputs, attrs);
    const isPlain = !bias && (activation?.name ?? "identity") === "identity";
    const tensor = isPlain ? y : emit.temporary("sum", y.shape);
    const target = { tensor, accumulate: 0 } as const;
    if (GROUPS === 1) emitBest(CONV_GRAD_INPUT, emit, geometry, { dy: x, w }, target);
    else emitBest(GROUPED_GRAD_INPUT, emit, { ...geometry, GROUPS }, { dy: x, w }, target);
    if (!isPlain) emitSplitSum(emit, tensor, 1, { tensor: y, accumulate: 0 }, bias, activation);
  },
  backward(emit, { inputs, attrs, outputs: { y } }) {
    const { x, weight: w, bias } = inputs;
    const { groups: GROUPS } = attrs;
    const geometry = geometryOf(inputs, attrs);
    const dz = gradientBeforeActivation(emit, y, attrs.activation);
    if (emit.wants(w)) {
      const tensors = { x: dz, dy: x };
      if (GROUPS === 1) emitBest(CONV_GRAD_WEIGHT, emit, geometry, tensors, emit.into(w));
      else emitBest(GROUPED_GRAD_WEIGHT, emit, { ...geometry, GROUPS }, tensors, emit.into(w));
    }
    if (emit.wants(bias)) emitGradBias(emit, dz, emit.into(bias));
    if (!emit.wants(x)) return;
    const dx = emit.temporary("dx", x.shape, x.storage.dtype);
    const tensors = { x: dz, w, bias: undefined, y: dx };
    if (GROUPS === 1) emitBest(CONV_FORWARD, emit, geometry, tensors);
    else emitBest(GROUPED_FORWARD, emit, { ...geometry, GROUPS }, tensors);
    emit.pass(x, dx);
  },
  fuse: (node, next) => withActivation(node, next),
};

/** The convolution y → x: its input is y (N, H, W, C) of this op, its output x (N, P, Q, K). */
function geometryOf(
  { x, weight }: In,
  { stride, dilation, padding, outputPadding, groups }: ConvTranspose2d,
): Geometry {
  const [N, P, Q, K] = nhwc("conv_transpose2d", x);
  const [R, S, channels] = weight.shape as [number, number, number, number];
  const [top, bottom, left, right] = padding;
  const extent = (input: number, taps: number, axis: 0 | 1): number =>
    (input - 1) * stride[axis] + windowExtent(taps, dilation[axis]) + outputPadding[axis];
  return {
    ...{ N, C: channels * groups, K, R, S, P, Q },
    H: extent(P, R, 0) - top - bottom,
    W: extent(Q, S, 1) - left - right,
    STRIDE_H: stride[0],
    STRIDE_W: stride[1],
    DILATION_H: dilation[0],
    DILATION_W: dilation[1],
    PAD_TOP: top,
    PAD_LEFT: left,
  };
}

function check(inputs: In, attrs: ConvTranspose2d): void {
  const { x, weight, bias } = inputs;
  const { stride, dilation, padding, outputPadding, groups, activation } = attrs;
  const tensors = [x, weight, ...(bias ? [bias] : [])].map(describe).join(", ");
  const refuse = (reason: string, given = ""): never => {
    throw new ShapeError("conv_transpose2d", reason, given ? `${tensors}, ${given}` : tensors);
  };
  const [, , , C] = nhwc("conv_transpose2d", x);
  if (weight.shape.length !== 4) refuse("expects an (R, S, K/groups, C) weight");
  if (![...stride, ...dilation, groups].every((n) => Number.isInteger(n) && n >= 1)) {
    const values = `stride [${stride.join(", ")}], dilation [${dilation.join(", ")}], groups ${groups}`;
    refuse("stride, dilation and groups must be positive integers", values);
  }
  const pads = `padding [${padding.join(", ")}], output padding [${outputPadding.join(", ")}]`;
  if (![...padding, ...outputPadding].every((n) => Number.isInteger(n) && n >= 0)) {
    refuse("padding must be whole numbers of pixels", pads);
  }
  if (outputPadding.some((more, axis) => more >= Math.max(stride[axis]!, dilation[axis]!))) {
    refuse("output padding must be smaller than the stride or the dilation", pads);
  }
  if (weight.shape[3] !== C) refuse(`weight expects C=${weight.shape[3]}, got ${C}`);
  if (C % groups !== 0) refuse(`C=${C} must be divisible by groups`, `groups ${groups}`);
  const { H, W, C: K } = geometryOf(inputs, attrs);
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== K)) refuse(`expects a bias of (${K})`);
  if (H < 1 || W < 1) refuse("padding leaves no pixel of the result", pads);
  checkFusable("conv_transpose2d", activation);
}

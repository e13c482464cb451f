import { ShapeError } from "../../base/errors.ts";
import {
  convOutput,
  type Geometry,
  type Padding,
  type Pads,
  type Pair,
  pair,
  resolvePadding,
  windowExtent,
} from "../../base/window.ts";
import type { BackwardEmitter, GradientRule, GradientTarget, Op, OpNode } from "../../graph/op.ts";
import { NUMBER, PADS, PAIR } from "../../graph/takes.ts";
import { describe, nhwc, type Tensor } from "../../graph/tensor.ts";
import { type Activation, OPTIONAL_ACTIVATION } from "../elementwise/activation.ts";
import { checkFusable, gradientBeforeActivation, withActivation } from "../elementwise/fused-activation.ts";
import type { TakesOptions } from "../options.ts";
import { emitBest } from "../tunable.ts";
import { CONV_FORWARD } from "./conv-forward.ts";
import { CONV_GRAD_INPUT, CONV_GRAD_WEIGHT, emitGradBias } from "./conv-gradients.ts";
import { GROUPED_FORWARD } from "./grouped/forward.ts";
import { GROUPED_GRAD_INPUT, GROUPED_GRAD_WEIGHT } from "./grouped/gradients.ts";

export interface Conv2dAttrs {
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Zeros [top, bottom, left, right]; `resolvePadding` in shape.ts makes them from "same" and the like. */
  readonly padding: Pads;
  /** Input and output channels are divided among so many groups that do not see each other; C means depthwise. */
  readonly groups: number;
  /** Applied to the result: identity, ReLU, tanh or another that `isFusable`. */
  readonly activation?: Activation;
}

/** How a convolution's window moves, as the layer takes it. */
export interface Conv2dWindow {
  /** Default 1. */
  readonly stride?: number | Pair;
  /** Default 0. */
  readonly padding?: Padding;
  /** Default 1. */
  readonly dilation?: number | Pair;
  /** Default 1; as many groups as input channels make it depthwise. */
  readonly groups?: number;
}

export type Conv2dInputs = { x: Tensor; weight: Tensor; bias: Tensor | undefined };
export type Conv2dOutputs = { y: Tensor };

/**
 * y[n,p,q,k] = f(bias[k] + Σ_{r,s,c} x[n, p·stride + r·dilation − pad, …, c] weight[r,s,c,k])
 *
 * x (N, H, W, C), weight (R, S, C/groups, K), bias (K) → y (N, P, Q, K). Throws ShapeError where channels or
 * groups do not fit, and where the window is larger than the padded input.
 */
export const conv2dOp: Op<Conv2dInputs, Conv2dAttrs, Conv2dOutputs> &
  TakesOptions<Conv2dInputs, Conv2dWindow & Pick<Conv2dAttrs, "activation">, Conv2dAttrs> = {
  name: "conv2d",
  attrsOf({ x, weight }, { stride = 1, padding = 0, dilation = 1, groups = 1, ...rest }) {
    const [, H, W] = nhwc("conv2d", x);
    const taps = weight.shape.slice(0, 2) as unknown as Pair;
    const [strides, dilations] = [pair(stride), pair(dilation)];
    const pads = resolvePadding(padding, [H, W], taps, strides, dilations);
    return { ...rest, stride: strides, dilation: dilations, padding: pads, groups };
  },
  takes: {
    inputs: { x: "required", weight: "required", bias: "optional" },
    options: { stride: PAIR, dilation: PAIR, padding: PADS, groups: NUMBER, activation: OPTIONAL_ACTIVATION },
  },
  infer(inputs, attrs) {
    check(inputs, attrs);
    const { N, P, Q, K } = geometryOf(inputs, attrs);
    return { y: { shape: [N, P, Q, K], dtype: inputs.x.storage.dtype } };
  },
  forward(emit, { inputs, attrs, outputs: { y } }) {
    const geometry = geometryOf(inputs, attrs);
    const tensors = { x: inputs.x, w: inputs.weight, bias: inputs.bias, y };
    const { groups: GROUPS, activation } = attrs;
    if (GROUPS === 1) emitBest(CONV_FORWARD, emit, geometry, tensors, activation);
    else emitBest(GROUPED_FORWARD, emit, { ...geometry, GROUPS }, tensors, activation);
  },
  backward: "conv2d",
  fuse: (node, next) => withActivation(node, next),
};

export const conv2dBackward: GradientRule<Conv2dInputs, Conv2dAttrs, Conv2dOutputs> = (emit, node) =>
  emitConv2dGradients(emit, node, (geometry, dy, target) => {
    const tensors = { x: node.inputs.x, dy };
    const { groups: GROUPS } = node.attrs;
    if (GROUPS === 1) emitBest(CONV_GRAD_WEIGHT, emit, geometry, tensors, target);
    else emitBest(GROUPED_GRAD_WEIGHT, emit, { ...geometry, GROUPS }, tensors, target);
  });

type EmitGradient = (geometry: Geometry, dy: Tensor, target: GradientTarget) => void;

/** Emits the gradients, that of the weight by `emitGradWeight` and that of x by `emitGradInput`, if there is one. */
export function emitConv2dGradients(
  emit: BackwardEmitter,
  {
    inputs,
    attrs,
    outputs: { y },
  }: Pick<OpNode<Conv2dInputs, Conv2dAttrs, Conv2dOutputs>, "inputs" | "attrs" | "outputs">,
  emitGradWeight: EmitGradient,
  emitGradInput?: EmitGradient,
): void {
  const { x, weight: w, bias } = inputs;
  const { groups: GROUPS } = attrs;
  const geometry = geometryOf(inputs, attrs);
  const dy = gradientBeforeActivation(emit, y, attrs.activation);
  if (emit.wants(w)) emitGradWeight(geometry, dy, emit.into(w));
  if (emit.wants(bias)) emitGradBias(emit, dy, emit.into(bias));
  if (emit.wants(x)) {
    if (emitGradInput) emitGradInput(geometry, dy, emit.into(x));
    else if (GROUPS === 1) emitBest(CONV_GRAD_INPUT, emit, geometry, { dy, w }, emit.into(x));
    else emitBest(GROUPED_GRAD_INPUT, emit, { ...geometry, GROUPS }, { dy, w }, emit.into(x));
  }
}

export function geometryOf(
  { x, weight }: Conv2dInputs,
  { stride, dilation, padding }: Conv2dAttrs,
): Geometry {
  const [N, H, W, C] = nhwc("conv2d", x);
  const [R, S, , K] = weight.shape as [number, number, number, number];
  const [top, bottom, left, right] = padding;
  return {
    ...{ N, H, W, C, K, R, S },
    P: convOutput(H, R, stride[0], dilation[0], top + bottom),
    Q: convOutput(W, S, stride[1], dilation[1], left + right),
    STRIDE_H: stride[0],
    STRIDE_W: stride[1],
    DILATION_H: dilation[0],
    DILATION_W: dilation[1],
    PAD_TOP: top,
    PAD_LEFT: left,
  };
}

function check({ x, weight, bias }: Conv2dInputs, attrs: Conv2dAttrs): void {
  const { stride, dilation, padding, groups, activation } = attrs;
  const given = [x, weight, ...(bias ? [bias] : [])].map(describe).join(", ");
  const refuse = (reason: string, more = ""): never => {
    throw new ShapeError("conv2d", reason, more ? `${given}, ${more}` : given);
  };
  const [, H, W, C] = nhwc("conv2d", x);
  if (weight.shape.length !== 4) refuse("expects an (R, S, C, K) weight");
  const [R, S, channels, K] = weight.shape as [number, number, number, number];
  const positive = [...stride, ...dilation, groups].every((n) => Number.isInteger(n) && n >= 1);
  if (!positive) {
    const values = `stride [${stride.join(", ")}], dilation [${dilation.join(", ")}], groups ${groups}`;
    refuse("stride, dilation and groups must be positive integers", values);
  }
  const pads = `padding [${padding.join(", ")}]`;
  if (padding.some((zeros) => !Number.isInteger(zeros) || zeros < 0)) {
    refuse("padding must be whole numbers of zeros", pads);
  }
  if (C % groups !== 0 || K % groups !== 0) {
    refuse(`C=${C} and K=${K} must be divisible by groups`, `groups ${groups}`);
  }
  if (channels !== C / groups) {
    if (groups === 1) refuse(`weight expects C=${channels}, got ${C}`);
    refuse(`weight expects C/groups=${channels}, got ${C}/${groups}`);
  }
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== K)) refuse(`expects a bias of (${K})`);
  const window: Pair = [windowExtent(R, dilation[0]), windowExtent(S, dilation[1])];
  const room: Pair = [H + padding[0] + padding[1], W + padding[2] + padding[3]];
  if (window[0] > room[0] || window[1] > room[1]) {
    refuse(`a window of ${window.join("×")} is larger than the padded input of ${room.join("×")}`, pads);
  }
  checkFusable("conv2d", activation);
}

import { ShapeError } from "../base/errors.ts";
import { type Pair, pair, resolvePadding } from "../base/window.ts";
import type { Initializer } from "../graph/graph.ts";
import { describe, nhwc, type Tensor } from "../graph/tensor.ts";
import { type Conv2dWindow, conv2dOp } from "../ops/conv/conv2d.ts";
import { convTranspose2dOp } from "../ops/conv/transposed/conv-transpose2d.ts";
import { type ActivationLike, activation } from "./activation.ts";
import { fans, torchBias, torchWeight } from "./init.ts";
import type { Sides } from "./shape.ts";

/** What `conv2d` computes: K = `outChannels`, (R, S) = `kernelSize`, extents in pixels. */
export interface Conv2dOptions extends Conv2dWindow {
  readonly outChannels: number;
  readonly kernelSize: number | Pair;
  /** Default true. */
  readonly bias?: boolean;
  /** Default none. */
  readonly activation?: ActivationLike;
  /** Initial weight; default torch's. */
  readonly init?: Initializer;
  /** Initial bias; default torch's. */
  readonly biasInit?: Initializer;
}

/**
 * Convolution of x (N, H, W, C) with `name.weight` (R, S, C/groups, K), plus `name.bias` (K): y (N, P, Q, K).
 * Throws ShapeError if channels, groups or extents do not fit.
 */
export function conv2d(x: Tensor, name: string, options: Conv2dOptions): Tensor {
  const { outChannels: K, bias: hasBias = true, groups = 1, init = torchWeight() } = options;
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const { graph } = x;
  const [, , , C] = nhwc(`conv2d ${name}`, x);
  checkGroups(`conv2d ${name}`, x, K, groups);
  const shape = [...pair(options.kernelSize), C / groups, K];
  const weight = graph.parameter(`${name}.weight`, shape, init, true);
  const bias = hasBias
    ? graph.parameter(`${name}.bias`, [K], options.biasInit ?? torchBias(fans(shape).fanIn), false)
    : undefined;
  const inputs = { x, weight, bias };
  const { y } = graph.apply(
    conv2dOp,
    name,
    inputs,
    conv2dOp.attrsOf(inputs, { stride, padding, dilation, groups }),
  );
  return activation(y, options.activation ?? "identity", name);
}

/** Throws ShapeError unless both counts of channels can be divided among so many groups. */
function checkGroups(operation: string, x: Tensor, K: number, groups: number): void {
  const C = x.shape.at(-1)!;
  if (Number.isInteger(C / groups) && Number.isInteger(K / groups)) return;
  const reason = `C=${C} and K=${K} must be divisible by groups`;
  throw new ShapeError(operation, reason, `groups ${groups}, ${describe(x)}`);
}

/** What `convTranspose2d` computes: K = `outChannels`, (R, S) = `kernelSize`, extents in pixels. */
export interface ConvTranspose2dOptions extends Omit<Conv2dOptions, "padding"> {
  /** What the result is without at its sides: a number, [height, width], or [top, bottom, left, right]. Default 0. */
  readonly padding?: Sides;
  /** Rows and columns that the result has more, at the bottom and right; less than the stride or the dilation. Default 0. */
  readonly outputPadding?: number | Pair;
}

/**
 * Transposed convolution, also called deconvolution, as torch.nn.ConvTranspose2d: x (N, H, W, C) with `name.weight`
 * (R, S, K/groups, C), plus `name.bias` (K): y (N, P, Q, K), P = (H − 1) stride − top − bottom + (R − 1) dilation +
 * outputPadding + 1. Throws ShapeError if channels, groups or extents do not fit.
 */
export function convTranspose2d(x: Tensor, name: string, options: ConvTranspose2dOptions): Tensor {
  const { outChannels: K, bias: hasBias = true, groups = 1, init = torchWeight() } = options;
  const { graph } = x;
  const [, H, W, C] = nhwc(`conv_transpose2d ${name}`, x);
  checkGroups(`conv_transpose2d ${name}`, x, K, groups);
  const taps = pair(options.kernelSize);
  const shape = [...taps, K / groups, C];
  const weight = graph.parameter(`${name}.weight`, shape, init, true);
  const bias = hasBias
    ? graph.parameter(`${name}.bias`, [K], options.biasInit ?? torchBias(fans(shape).fanIn), false)
    : undefined;
  const attrs = {
    stride: pair(options.stride ?? 1),
    dilation: pair(options.dilation ?? 1),
    padding: resolvePadding(options.padding ?? 0, [H, W], taps),
    outputPadding: pair(options.outputPadding ?? 0),
    groups,
  };
  const { y } = graph.apply(convTranspose2dOp, name, { x, weight, bias }, attrs);
  return activation(y, options.activation ?? "identity", name);
}

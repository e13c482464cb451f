import { ShapeError } from "../base/errors.ts";
import { type Pair, pair } from "../base/window.ts";
import type { Initializer } from "../graph/graph.ts";
import { describe, nhwc, type Tensor } from "../graph/tensor.ts";
import { type Conv2dWindow, conv2dOp } from "../ops/conv/conv2d.ts";
import { type ActivationLike, activation } from "./activation.ts";
import { fans, torchBias, torchWeight } from "./init.ts";

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
  if (!Number.isInteger(C / groups) || !Number.isInteger(K / groups)) {
    const reason = `C=${C} and K=${K} must be divisible by groups`;
    throw new ShapeError(`conv2d ${name}`, reason, `groups ${groups}, ${describe(x)}`);
  }
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

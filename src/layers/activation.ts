import type { Initializer } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Activation, type ActivationName, activationOp } from "../ops/elementwise/activation.ts";
import { preluOp } from "../ops/elementwise/prelu.ts";
import { type Rescale, rescaleOp } from "../ops/elementwise/rescale.ts";
import { filled } from "./init.ts";

/** An activation, by name with its usual parameter, or in full. */
export type ActivationLike = ActivationName | Activation;

/** The activation in full: by default `leaky_relu` has a slope of 0.01, `elu` a scale of 1, and `hardtanh` is −1 … 1. */
export function toActivation(activation: ActivationLike): Activation {
  const { name, alpha, beta } = typeof activation === "string" ? { name: activation } : activation;
  if (name === "leaky_relu") return { name, alpha: alpha ?? 0.01 };
  if (name === "elu") return { name, alpha: alpha ?? 1 };
  if (name === "hardtanh") return { name, alpha: alpha ?? -1, beta: beta ?? 1 };
  return { name };
}

/** y = f(x), elementwise. x, y (…, C). The default name is made of both. */
export function activation(x: Tensor, f: ActivationLike, name?: string): Tensor {
  const attrs = toActivation(f);
  if (attrs.name === "identity") return x;
  return x.graph.apply(activationOp, name ?? `${x.name}.${attrs.name}`, { x }, attrs).y;
}

/** max(x, 0) */
export const relu = (x: Tensor): Tensor => activation(x, "relu");
/** min(max(x, 0), 6). Howard et al., "MobileNets", 2017. */
export const relu6 = (x: Tensor): Tensor => activation(x, "relu6");
/** x, and `slope` x for negative x. Maas et al. 2013. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  activation(x, { name: "leaky_relu", alpha: slope });
/** x, and `alpha` (eˣ − 1) for negative x. Clevert et al. 2016. */
export const elu = (x: Tensor, alpha = 1): Tensor => activation(x, { name: "elu", alpha });
/** x Φ(x), exact or by its tanh approximation. Hendrycks and Gimpel 2016. */
export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none"): Tensor =>
  activation(x, approximate === "tanh" ? "gelu_tanh" : "gelu");
/** x / (1 + e⁻ˣ), also called swish. Elfwing et al. 2018. */
export const silu = (x: Tensor): Tensor => activation(x, "silu");
/** min(max(x, `min`), `max`), as a clip to any range of finite numbers. */
export const hardtanh = (x: Tensor, min = -1, max = 1): Tensor =>
  activation(x, { name: "hardtanh", alpha: min, beta: max });
/** x min(max(x + 3, 0), 6) / 6. Howard et al., "Searching for MobileNetV3", 2019. */
export const hardswish = (x: Tensor): Tensor => activation(x, "hardswish");
/** min(max(x + 3, 0), 6) / 6. Howard et al., "Searching for MobileNetV3", 2019. */
export const hardsigmoid = (x: Tensor): Tensor => activation(x, "hardsigmoid");
/** log(1 + eˣ) */
export const softplus = (x: Tensor): Tensor => activation(x, "softplus");
/** (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), elementwise. x, y (…, C). */
export const tanh = (x: Tensor): Tensor => activation(x, "tanh");
/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor => activation(x, "sigmoid");

/** The slopes of a `prelu`. */
export interface PreluOptions {
  /** One slope for all channels, 1, or one for each, C. Default 1, as in torch. */
  readonly numParameters?: number;
  /** Initial weight; default 0.25. */
  readonly init?: Initializer;
}

/**
 * x, and `name.weight` x for negative x, elementwise; the slopes (1) or (C) are learned, and do not decay. x, y (…, C). Throws
 * ShapeError for another number of slopes. He et al., "Delving Deep into Rectifiers", 2015.
 */
export function prelu(
  x: Tensor,
  name: string,
  { numParameters = 1, init = filled(0.25) }: PreluOptions = {},
): Tensor {
  const weight = x.graph.parameter(`${name}.weight`, [numParameters], init, false);
  return x.graph.apply(preluOp, name, { x, weight }, {}).y;
}

export type { Rescale };

/**
 * scale x + offset, elementwise, by constant numbers: one, or one for each channel. x, y (…, C); x itself where that changes
 * nothing. Throws ShapeError for another count of numbers, and for broken ones.
 */
export const rescale = (x: Tensor, { scale = 1, offset = 0 }: Rescale, name = `${x.name}.rescale`): Tensor =>
  scale === 1 && offset === 0 ? x : x.graph.apply(rescaleOp, name, { x }, { scale, offset }).y;

import { ShapeError } from "../../base/errors.ts";
import type { Geometry } from "../../base/window.ts";
import type { Emitter, GradientRule, Op } from "../../graph/op.ts";
import { describe, type Tensor } from "../../graph/tensor.ts";
import type { Capabilities } from "../../kernel/capabilities.ts";
import { type Activation, OPTIONAL_ACTIVATION } from "../elementwise/activation.ts";
import { checkFusable, gradientBeforeActivation, withActivation } from "../elementwise/fused-activation.ts";
import { emitBest, type Tunable } from "../tunable.ts";
import { CONV_FORWARD } from "./conv-forward.ts";
import { CONV_GRAD_INPUT, CONV_GRAD_WEIGHT, emitGradBias } from "./conv-gradients.ts";

export interface DenseAttrs {
  /** Applied to the result: identity, ReLU, tanh or another that `isFusable`. */
  readonly activation?: Activation;
}

/** (N, C) · (C, K). */
type Product = Readonly<Record<"N" | "C" | "K", number>>;

// A bundler cannot know that a call does nothing else; these stay out of apps that only predict.
export const DENSE_FORWARD = /* @__PURE__ */ asDense(CONV_FORWARD);
export const DENSE_GRAD_INPUT = /* @__PURE__ */ asDense(CONV_GRAD_INPUT);
export const DENSE_GRAD_WEIGHT = /* @__PURE__ */ asDense(CONV_GRAD_WEIGHT);

type In = { x: Tensor; weight: Tensor; bias: Tensor | undefined };
type Out = { y: Tensor };

/**
 * y[n,k] = f(bias[k] + Σ_c x[n,c] weight[c,k]). x (N, C), weight (C, K), bias (K) → y (N, K).
 * Throws ShapeError where they do not fit.
 */
export const denseOp: Op<In, DenseAttrs, Out> = {
  name: "dense",
  takes: {
    inputs: { x: "required", weight: "required", bias: "optional" },
    options: { activation: OPTIONAL_ACTIVATION },
  },
  infer({ x, weight, bias }, { activation }) {
    const given = [x, weight, ...(bias ? [bias] : [])].map(describe).join(", ");
    if (x.shape.length !== 2) throw new ShapeError("dense", "expects an (N, C) tensor", given);
    if (weight.shape.length !== 2) throw new ShapeError("dense", "expects a (C, K) weight", given);
    const [N, C] = x.shape as [number, number];
    const [channels, K] = weight.shape as [number, number];
    if (channels !== C) throw new ShapeError("dense", `weight expects C=${channels}, got ${C}`, given);
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== K)) {
      throw new ShapeError("dense", `expects a bias of (${K})`, given);
    }
    checkFusable("dense", activation);
    return { y: { shape: [N, K], dtype: x.storage.dtype } };
  },
  forward(emit, { inputs: { x, weight: w, bias }, attrs: { activation }, outputs: { y } }) {
    emitBest(DENSE_FORWARD, emit, keyOf(x, w), { x, w, bias, y }, activation);
  },
  backward: "dense",
  fuse: (node, next) => withActivation(node, next),
};

export const denseBackward: GradientRule<In, DenseAttrs, Out> = (
  emit,
  { inputs: { x, weight: w, bias }, attrs: { activation }, outputs: { y } },
) => {
  const key = keyOf(x, w);
  const dy = gradientBeforeActivation(emit, y, activation);
  if (emit.wants(w)) emitBest(DENSE_GRAD_WEIGHT, emit, key, { x, dy }, emit.into(w));
  if (emit.wants(bias)) emitGradBias(emit, dy, emit.into(bias));
  if (emit.wants(x)) emitBest(DENSE_GRAD_INPUT, emit, key, { dy, w }, emit.into(x));
};

function keyOf(x: Tensor, weight: Tensor): Product {
  const [N, C] = x.shape as [number, number];
  return { N, C, K: weight.shape[1]! };
}

/** The 1×1 convolution of one image that is one line of N pixels: the same product, over the same memory. */
function geometryOf({ N, C, K }: Product): Geometry {
  return {
    ...{ N: 1, H: 1, W: N, C, K, R: 1, S: 1, P: 1, Q: N },
    ...{ STRIDE_H: 1, STRIDE_W: 1, DILATION_H: 1, DILATION_W: 1, PAD_TOP: 0, PAD_LEFT: 0 },
  };
}

/** The ways to compute a pass of a convolution, for a dense layer. */
function asDense<Args extends readonly unknown[]>(conv: Tunable<Geometry, Args>): Tunable<Product, Args> {
  const variants = conv.variants.map(({ fits, emit, ...info }) => ({
    ...info,
    fits: (key: Product, device: Capabilities) => fits(geometryOf(key), device),
    emit: (emitter: Emitter, key: Product, ...args: Args) => emit(emitter, geometryOf(key), ...args),
  }));
  return {
    op: "dense",
    pass: conv.pass,
    variants,
    guess(key, device) {
      const { name } = conv.guess(geometryOf(key), device);
      return variants.find((variant) => variant.name === name)!;
    },
    alone: (key, dtype) => conv.alone(geometryOf(key), dtype),
  };
}

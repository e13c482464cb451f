import { ShapeError } from "../../base/errors.ts";
import type { Geometry } from "../../base/window.ts";
import type { Op } from "../../graph/op.ts";
import { describe, type Tensor } from "../../graph/tensor.ts";
import type { Activation } from "../elementwise/activation.ts";
import { checkFusable, gradientBeforeActivation, withActivation } from "../elementwise/fused-activation.ts";
import { emitForward, emitGradBias, emitGradInput, emitGradWeight } from "./conv-passes.ts";

export interface DenseAttrs {
  /** Applied to the result: identity, ReLU, leaky ReLU, tanh or sigmoid (`isFusable`). */
  readonly activation?: Activation;
}

type In = { x: Tensor; weight: Tensor; bias: Tensor | undefined };
type Out = { y: Tensor };

/**
 * y[n,k] = f(bias[k] + Σ_c x[n,c] weight[c,k]). x (N, C), weight (C, K), bias (K) → y (N, K).
 * Throws ShapeError where they do not fit.
 */
export const denseOp: Op<In, DenseAttrs, Out> = {
  name: "dense",
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
    emitForward(emit, geometryOf(x, w), { x, w, bias, y }, activation);
  },
  backward(emit, { inputs: { x, weight: w, bias }, attrs: { activation }, outputs: { y } }) {
    const geometry = geometryOf(x, w);
    const dy = gradientBeforeActivation(emit, y, activation);
    if (emit.wants(w)) emitGradWeight(emit, geometry, { x, dy }, emit.into(w));
    if (emit.wants(bias)) emitGradBias(emit, dy, emit.into(bias));
    if (emit.wants(x)) emitGradInput(emit, geometry, { dy, w }, emit.into(x));
  },
  fuse: (node, next) => withActivation(node, next),
};

/** The 1×1 convolution of one image that is one line of N pixels: the same product, over the same memory. */
function geometryOf(x: Tensor, weight: Tensor): Geometry {
  const [N, C] = x.shape as [number, number];
  const K = weight.shape[1]!;
  return {
    ...{ N: 1, H: 1, W: N, C, K, R: 1, S: 1, P: 1, Q: N },
    ...{ STRIDE_H: 1, STRIDE_W: 1, DILATION_H: 1, DILATION_W: 1, PAD_TOP: 0, PAD_LEFT: 0 },
  };
}

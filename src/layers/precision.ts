import { isNode } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { castOp } from "../ops/elementwise/cast.ts";
import { lossScaleOp } from "../ops/loss/loss-scale.ts";

/** x stored as another type; x itself if it is stored so already. */
export const cast = (x: Tensor, to: "f32" | "f16"): Tensor =>
  x.storage.dtype === to ? x : x.graph.apply(castOp, `${x.name}.${to}`, { x }, { to }).y;

/** Casts images, say, to the type in which this graph stores activations; the layers that follow keep to it. */
export const asActivations = (x: Tensor): Tensor => cast(x, x.graph.precision === "mixed" ? "f16" : "f32");

/**
 * x in f32 for a loss; the gradient from there is multiplied by the loss scale, if there is one. What has been through
 * here stays as it is.
 */
export function exact(x: Tensor): Tensor {
  const { lossScale, nodes } = x.graph;
  if (!lossScale || !x.requiresGrad) return cast(x, "f32");
  if (nodes.some((node) => isNode(node, lossScaleOp) && node.outputs.y === x)) return x;
  return x.graph.apply(lossScaleOp, `${x.name}.f32`, { x, scale: lossScale.tensor }, {}).y;
}

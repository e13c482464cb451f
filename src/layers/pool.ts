import type { Tensor } from "../graph/tensor.ts";
import { globalMaxPoolOp } from "../ops/pool/global-max-pool.ts";
import {
  type AvgPool2dOptions,
  avgPool2dOp,
  globalAvgPoolOp,
  maxPool2dOp,
  type Pool2dOptions,
} from "../ops/pool/pool.ts";

export type { AvgPool2dOptions, Pool2dOptions };

/** Maximum over windows. x (N, H, W, C) → (N, P, Q, C). */
export function maxPool2d(x: Tensor, options: Pool2dOptions): Tensor {
  const { kernelSize, stride = kernelSize, padding = 0, ceilMode = false } = options;
  const attrs = maxPool2dOp.attrsOf({ x }, { kernelSize, stride, padding, ceilMode });
  return x.graph.apply(maxPool2dOp, `${x.name}.maxPool2d`, { x }, attrs).y;
}

/** Mean over windows. x (N, H, W, C) → (N, P, Q, C). */
export function avgPool2d(x: Tensor, options: AvgPool2dOptions): Tensor {
  const { kernelSize, stride = kernelSize, padding = 0, countIncludePad = true, ceilMode = false } = options;
  const attrs = avgPool2dOp.attrsOf({ x }, { kernelSize, stride, padding, countIncludePad, ceilMode });
  return x.graph.apply(avgPool2dOp, `${x.name}.avgPool2d`, { x }, attrs).y;
}

/** Mean over all pixels. x (N, H, W, C) → (N, C). */
export const globalAvgPool = (x: Tensor): Tensor =>
  x.graph.apply(globalAvgPoolOp, `${x.name}.globalAvgPool`, { x }, {}).y;

/** Maximum over all pixels. x (N, H, W, C) → (N, C). */
export const globalMaxPool = (x: Tensor): Tensor =>
  x.graph.apply(globalMaxPoolOp, `${x.name}.globalMaxPool`, { x }, {}).y;

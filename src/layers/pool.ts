import { type Padding, type Pair, pair, resolvePadding } from "../base/window.ts";
import { nhwc, type Tensor } from "../graph/tensor.ts";
import { avgPool2dOp, globalAvgPoolOp, maxPool2dOp } from "../ops/pool/pool.ts";

/** Windows of a pooling layer: (R, S) = `kernelSize`, extents in pixels. */
export interface Pool2dOptions {
  readonly kernelSize: number | Pair;
  /** Default: the kernel size, so that windows tile the map. */
  readonly stride?: number | Pair;
  /** Default 0. */
  readonly padding?: Padding;
}

/** Windows of `avgPool2d`, and whether padding counts. */
export interface AvgPool2dOptions extends Pool2dOptions {
  /** Whether the padding's zeros count in the mean. Default true, as in torch. */
  readonly countIncludePad?: boolean;
}

function windows(x: Tensor, { kernelSize, stride = kernelSize, padding = 0 }: Pool2dOptions) {
  const [, H, W] = nhwc("pool", x);
  const [kernel, strides] = [pair(kernelSize), pair(stride)];
  return { kernel, stride: strides, padding: resolvePadding(padding, [H, W], kernel, strides) };
}

/** Maximum over windows. x (N, H, W, C) → (N, P, Q, C). */
export const maxPool2d = (x: Tensor, options: Pool2dOptions): Tensor =>
  x.graph.apply(maxPool2dOp, `${x.name}.maxPool2d`, { x }, windows(x, options)).y;

/** Mean over windows. x (N, H, W, C) → (N, P, Q, C). */
export const avgPool2d = (x: Tensor, options: AvgPool2dOptions): Tensor => {
  const attrs = { ...windows(x, options), countIncludePad: options.countIncludePad ?? true };
  return x.graph.apply(avgPool2dOp, `${x.name}.avgPool2d`, { x }, attrs).y;
};

/** Mean over all pixels. x (N, H, W, C) → (N, C). */
export const globalAvgPool = (x: Tensor): Tensor =>
  x.graph.apply(globalAvgPoolOp, `${x.name}.globalAvgPool`, { x }, {}).y;

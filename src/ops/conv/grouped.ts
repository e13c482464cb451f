/** Launches of the kernels for convolutions in groups, one output a lane: plain, and right for any grouping. */

import type { Geometry } from "../../base/window.ts";
import type { Emitter, GradientTarget } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  conv2d_grouped_forward,
  conv2d_grouped_grad_input,
  conv2d_grouped_grad_weight,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";
import { ENOUGH } from "./register-tiles.ts";
import { emitSplitSum } from "./split-sum.ts";

type GroupedGeometry = Geometry & { readonly GROUPS: number };

/** Emits y = f(conv(x, w) + bias). */
export function emitGroupedForward(
  emit: Emitter,
  geometry: GroupedGeometry,
  tensors: { readonly x: Tensor; readonly w: Tensor; readonly bias: Tensor | undefined; readonly y: Tensor },
  activation: Activation = IDENTITY,
): void {
  const { x, w, bias, y } = tensors;
  const constants = { ...geometry, HAS_BIAS: bias ? 1 : 0, ...activationConstants(activation) };
  const workgroups = grid(storedLength(y.shape) / 4, conv2d_grouped_forward);
  // A kernel that does not read the bias still needs something bound.
  emit.dispatch(conv2d_grouped_forward, { x, w, bias: bias ?? w, y }, constants, workgroups);
}

/** Emits dx = conv-transpose(dy, w), or dx += …. */
export function emitGroupedGradInput(
  emit: Emitter,
  geometry: GroupedGeometry,
  { dy, w }: { readonly dy: Tensor; readonly w: Tensor },
  { tensor: dx, accumulate: ACCUMULATE }: GradientTarget,
): void {
  const workgroups = grid(storedLength(dx.shape) / 4, conv2d_grouped_grad_input);
  emit.dispatch(conv2d_grouped_grad_input, { dy, w, dx }, { ...geometry, ACCUMULATE }, workgroups);
}

/** Emits dw = Σ over pixels of x ⊗ dy, or dw += …. */
export function emitGroupedGradWeight(
  emit: Emitter,
  geometry: GroupedGeometry,
  { x, dy }: { readonly x: Tensor; readonly dy: Tensor },
  target: GradientTarget,
): void {
  const length = storedLength(target.tensor.shape) / 4;
  const SPLITS = Math.min(geometry.N * geometry.P, Math.ceil((4 * ENOUGH) / length));
  const dw = emit.temporary("splits", [SPLITS, ...target.tensor.shape]);
  const workgroups = grid(SPLITS * length, conv2d_grouped_grad_weight);
  emit.dispatch(conv2d_grouped_grad_weight, { x, dy, dw }, { ...geometry, SPLITS }, workgroups);
  emitSplitSum(emit, dw, SPLITS, target);
}

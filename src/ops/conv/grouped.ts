/** Launches of the kernels for convolutions in groups, one output a lane: plain, and right for any grouping. */

import type { Geometry } from "../../base/window.ts";
import type { Emitter, GradientTarget } from "../../graph/op.ts";
import { pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  conv2d_grouped_forward,
  conv2d_grouped_grad_input,
  conv2d_grouped_grad_weight,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { Tunable, Variant } from "../tunable.ts";
import { gradWeightAlone } from "./alone.ts";
import type { GradWeightArgs } from "./conv-gradients.ts";
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

/** Vec4s of the gradient of the weights, each the sum of one invocation. */
const lengthOf = ({ R, S, C, K, GROUPS }: GroupedGeometry): number => (R * S * (C / GROUPS) * pad4(K)) / 4;

/** Parts that the lines of an image batch are divided into: `times` as many as the heuristic's. */
const splitsOf = (geometry: GroupedGeometry, times: number): number =>
  Math.max(1, Math.min(geometry.N * geometry.P, Math.ceil((4 * times * ENOUGH) / lengthOf(geometry))));

/** A sum in `times` as many splits as the heuristic's. */
const splits = (name: string, times: number): Variant<GroupedGeometry, GradWeightArgs> => ({
  name,
  ...(times !== 1 && { varies: "splits" }),
  error: 1,
  fits: (geometry) => times === 1 || splitsOf(geometry, times) !== splitsOf(geometry, 1),
  emit(emit, geometry, { x, dy }, target) {
    const SPLITS = splitsOf(geometry, times);
    const dw = emit.temporary("splits", [SPLITS, ...target.tensor.shape]);
    const workgroups = grid(SPLITS * lengthOf(geometry), conv2d_grouped_grad_weight);
    emit.dispatch(conv2d_grouped_grad_weight, { x, dy, dw }, { ...geometry, SPLITS }, workgroups);
    emitSplitSum(emit, dw, SPLITS, target);
  },
});

const SPLITS = /* @__PURE__ */ splits("splits", 1);

/**
 * dw = Σ over pixels of x ⊗ dy, or dw += …. The only pass with a choice: the other two have one kernel each, and sums too
 * short to be split.
 */
export const GROUPED_GRAD_WEIGHT: Tunable<GroupedGeometry, GradWeightArgs> = {
  op: "conv2d_grouped",
  pass: "grad_weight",
  variants: [SPLITS, /* @__PURE__ */ splits("more_splits", 4), /* @__PURE__ */ splits("fewer_splits", 1 / 4)],
  guess: () => SPLITS,
  alone: (geometry, dtype) => gradWeightAlone(geometry, dtype, geometry.GROUPS),
};

/**
 * The passes of convolutions in groups, each with all the ways to compute it: by kernels of one output a lane, plain and
 * right for any grouping, and by those for depthwise ones.
 */

import { pad4, storedLength } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  conv2d_grouped_forward,
  conv2d_grouped_grad_input,
  conv2d_grouped_grad_weight,
} from "../../kernel/shaders.gen.ts";
import { activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { Tunable, Variant } from "../tunable.ts";
import { forwardAlone, gradInputAlone, gradWeightAlone } from "./alone.ts";
import type { ForwardArgs } from "./conv-forward.ts";
import type { GradInputArgs, GradWeightArgs } from "./conv-gradients.ts";
import {
  DEPTHWISE_FORWARD,
  DEPTHWISE_GRAD_INPUT,
  DEPTHWISE_GRAD_WEIGHT,
  type GroupedGeometry,
  suitsStrips,
} from "./depthwise.ts";
import { ENOUGH } from "./register-tiles.ts";
import { emitSplitSum } from "./split-sum.ts";

const always = (): boolean => true;

/** y = f(conv(x, w) + bias). */
export const GROUPED_FORWARD: Tunable<GroupedGeometry, ForwardArgs> = {
  op: "conv2d_grouped",
  pass: "forward",
  variants: [
    {
      name: "plain",
      error: 1,
      fits: always,
      emit(emit, geometry, { x, w, bias, y }, activation = IDENTITY) {
        const constants = { ...geometry, HAS_BIAS: bias ? 1 : 0, ...activationConstants(activation) };
        const workgroups = grid(storedLength(y.shape) / 4, conv2d_grouped_forward);
        // A kernel that does not read the bias still needs something bound.
        emit.dispatch(conv2d_grouped_forward, { x, w, bias: bias ?? w, y }, constants, workgroups);
      },
    },
    ...DEPTHWISE_FORWARD,
  ],
  guess: (geometry, device) => GROUPED_FORWARD.variants[suitsStrips(geometry, device) ? 1 : 0]!,
  alone: (geometry, dtype) => forwardAlone(geometry, dtype, geometry.GROUPS),
};

/** dx = conv-transpose(dy, w), or dx += …. */
export const GROUPED_GRAD_INPUT: Tunable<GroupedGeometry, GradInputArgs> = {
  op: "conv2d_grouped",
  pass: "grad_input",
  variants: [
    {
      name: "plain",
      error: 1,
      fits: always,
      emit(emit, geometry, { dy, w }, { tensor: dx, accumulate: ACCUMULATE }) {
        const workgroups = grid(storedLength(dx.shape) / 4, conv2d_grouped_grad_input);
        emit.dispatch(conv2d_grouped_grad_input, { dy, w, dx }, { ...geometry, ACCUMULATE }, workgroups);
      },
    },
    ...DEPTHWISE_GRAD_INPUT,
  ],
  guess: (geometry, device) => GROUPED_GRAD_INPUT.variants[suitsStrips(geometry, device) ? 1 : 0]!,
  alone: (geometry, dtype) => gradInputAlone(geometry, dtype, geometry.GROUPS),
};

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

/** dw = Σ over pixels of x ⊗ dy, or dw += …. */
export const GROUPED_GRAD_WEIGHT: Tunable<GroupedGeometry, GradWeightArgs> = {
  op: "conv2d_grouped",
  pass: "grad_weight",
  variants: [
    /* @__PURE__ */ splits("splits", 1),
    ...DEPTHWISE_GRAD_WEIGHT,
    /* @__PURE__ */ splits("more_splits", 4),
    /* @__PURE__ */ splits("fewer_splits", 1 / 4),
  ],
  guess: (geometry, device) => GROUPED_GRAD_WEIGHT.variants[suitsStrips(geometry, device) ? 1 : 0]!,
  alone: (geometry, dtype) => gradWeightAlone(geometry, dtype, geometry.GROUPS),
};

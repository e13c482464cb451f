/** The gradients of convolutions in groups, each with all the ways to compute it, as those of the forward pass. */

import { pad4, storedLength } from "../../../graph/tensor.ts";
import { grid } from "../../../kernel/grid.ts";
import {
  conv2d_depthwise_forward,
  conv2d_depthwise_grad_input,
  conv2d_depthwise_grad_weight,
  conv2d_depthwise_grad_weight_column,
  conv2d_grouped_grad_input,
  conv2d_grouped_grad_weight,
} from "../../../kernel/shaders.gen.ts";
import { activationConstants, IDENTITY } from "../../elementwise/activation.ts";
import type { Tunable, Variant } from "../../tunable.ts";
import { gradInputAlone, gradWeightAlone } from "../alone.ts";
import type { GradInputArgs, GradWeightArgs } from "../conv-gradients.ts";
import { ENOUGH } from "../register-tiles.ts";
import { emitSplitSum } from "../split-sum.ts";
import {
  constantsOf,
  type GroupedGeometry,
  keepsTaps,
  linesOfOutputs,
  linesOfSums,
  sized,
  stripVariants,
  suitsStrips,
  workgroups,
} from "./strips.ts";

const DEPTHWISE_GRAD_INPUT = /* @__PURE__ */ stripVariants<GradInputArgs>(
  // With stride 2 pairs of columns, and the padding before them.
  ({ H, W, PAD_TOP, PAD_LEFT, STRIDE_W }) =>
    STRIDE_W === 1 ? [H, W] : [H + PAD_TOP, Math.ceil((W + PAD_LEFT) / 2)],
  linesOfOutputs,
  (emit, geometry, division, { dy, w }, { tensor: dx, accumulate: ACCUMULATE }) => {
    const constants = { ...constantsOf(geometry, division), ACCUMULATE };
    const launched = workgroups(geometry, division.parts);
    if (constants.STRIDE === 2) {
      emit.dispatch(sized(emit, conv2d_depthwise_grad_input), { dy, w, dx }, constants, launched);
      return;
    }
    // The forward pass from dy to dx, with the window turned around.
    const { H, W, P, Q, PAD_TOP, PAD_LEFT, WINDOW } = constants;
    const turned = { H: P, W: Q, P: H, Q: W, PAD_TOP: WINDOW - 1 - PAD_TOP, PAD_LEFT: WINDOW - 1 - PAD_LEFT };
    const flags = { TURNED: 1, HAS_BIAS: 0, ...activationConstants(IDENTITY) };
    const tensors = { x: dy, w, bias: w, y: dx };
    const kernel = sized(emit, conv2d_depthwise_forward);
    emit.dispatch(kernel, tensors, { ...constants, ...turned, ...flags }, launched);
  },
);

const DEPTHWISE_GRAD_WEIGHT = /* @__PURE__ */ stripVariants<GradWeightArgs>(
  ({ P, Q }) => [P, Q],
  linesOfSums,
  (emit, geometry, division, { x, dy }, target) => {
    const kept = keepsTaps(geometry, emit.device);
    // An invocation has the sums of the whole window, or of one of its columns.
    const columns = kept ? 1 : geometry.S;
    const SPLITS = Math.ceil(division.SPLITS / columns);
    const dw = emit.temporary("splits", [SPLITS, ...target.tensor.shape]);
    const kernel = kept ? conv2d_depthwise_grad_weight : conv2d_depthwise_grad_weight_column;
    const constants = { ...constantsOf(geometry, division), SPLITS };
    emit.dispatch(sized(emit, kernel), { x, dy, dw }, constants, workgroups(geometry, columns * SPLITS));
    emitSplitSum(emit, dw, SPLITS, target);
  },
);

/** dx = conv-transpose(dy, w), or dx += …. */
export const GROUPED_GRAD_INPUT: Tunable<GroupedGeometry, GradInputArgs> = {
  op: "conv2d_grouped",
  pass: "grad_input",
  variants: [
    {
      name: "plain",
      error: 1,
      fits: () => true,
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

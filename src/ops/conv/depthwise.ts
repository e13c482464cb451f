/**
 * Kernels for depthwise convolutions, one output channel for each input channel, as variants of the passes of convolutions
 * in groups. An invocation goes along a strip of four lines, so that it loads a number once for all that it adds it to:
 * loads and memory bind, for there are only as many products of a number as the window has taps.
 */

import type { Geometry } from "../../base/window.ts";
import type { Emitter } from "../../graph/op.ts";
import { pad4 } from "../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import {
  conv2d_depthwise_forward,
  conv2d_depthwise_grad_input,
  conv2d_depthwise_grad_weight,
} from "../../kernel/shaders.gen.ts";
import { activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { Variant } from "../tunable.ts";
import type { ForwardArgs } from "./conv-forward.ts";
import type { GradInputArgs, GradWeightArgs } from "./conv-gradients.ts";
import { ENOUGH } from "./register-tiles.ts";
import { emitSplitSum } from "./split-sum.ts";
import { enoughOn } from "./tile-cost.ts";

export type GroupedGeometry = Geometry & { readonly GROUPS: number };

/** Columns that an invocation goes along at least, for at either end it loads some that others load too. */
const LEAST_COLUMNS = 4;

/** What the kernels are for. */
export const isDepthwise = ({ GROUPS, C, K, R, S, ...moves }: GroupedGeometry): boolean =>
  GROUPS === C &&
  C === K &&
  R === S &&
  (R === 3 || R === 5) &&
  moves.STRIDE_H === moves.STRIDE_W &&
  moves.STRIDE_H <= 2 &&
  moves.DILATION_H * moves.DILATION_W === 1;

/** How a pass is divided: columns of a part of a strip, the number of parts and, in sums over all parts, into how many sums. */
interface Division {
  readonly COLUMNS: number;
  readonly parts: number;
  readonly SPLITS: number;
}

/** Strips of maps so high and wide, divided among `times` as many invocations as are enough. */
function divided(
  { N, C }: GroupedGeometry,
  [lines, columns]: readonly [number, number],
  device: Capabilities,
  times: number,
): Division {
  const vectors = pad4(C) / 4;
  const strips = N * Math.ceil(lines / 4);
  const enough = Math.ceil((times * (isCpu(device) ? ENOUGH : enoughOn(device))) / vectors);
  const fewest = Math.min(LEAST_COLUMNS, columns);
  const COLUMNS = Math.max(fewest, Math.ceil(columns / Math.ceil(enough / strips)));
  const parts = strips * Math.ceil(columns / COLUMNS);
  return { COLUMNS, parts, SPLITS: Math.min(parts, enough) };
}

/** A pass over strips, and over shorter and longer parts of them, which only measuring chooses. */
const stripVariants = <Args extends readonly unknown[]>(
  /** Lines and columns that are divided. */
  extents: (geometry: GroupedGeometry) => readonly [lines: number, columns: number],
  /** What of the division the pass depends on. */
  counts: readonly (keyof Division)[],
  emitStrips: (emit: Emitter, geometry: GroupedGeometry, division: Division, ...args: Args) => void,
): readonly Variant<GroupedGeometry, Args>[] =>
  (["strips", "shorter_strips", "longer_strips"] as const).map((name, i) => {
    const division = (geometry: GroupedGeometry, device: Capabilities, times = [1, 4, 1 / 4][i]!): Division =>
      divided(geometry, extents(geometry), device, times);
    return {
      name,
      ...(i > 0 && { varies: "strips" }),
      error: 1,
      fits(geometry, device) {
        if (!isDepthwise(geometry)) return false;
        const [own, usual] = [division(geometry, device), division(geometry, device, 1)];
        return i === 0 || counts.some((count) => own[count] !== usual[count]);
      },
      emit(emit, geometry, ...args) {
        emitStrips(emit, geometry, division(geometry, emit.device), ...args);
      },
    };
  });

/** What all the kernels take. */
const constantsOf = ({ R, STRIDE_H, ...geometry }: GroupedGeometry, { COLUMNS }: Division) => ({
  ...geometry,
  ...{ WINDOW: R, STRIDE: STRIDE_H, COLUMNS },
});

const invocations = ({ C }: GroupedGeometry, parts: number): number => (parts * pad4(C)) / 4;

export const DEPTHWISE_FORWARD = /* @__PURE__ */ stripVariants<ForwardArgs>(
  ({ P, Q }) => [P, Q],
  ["COLUMNS"],
  (emit, geometry, division, { x, w, bias, y }, activation = IDENTITY) => {
    const flags = { TURNED: 0, HAS_BIAS: bias ? 1 : 0, ACCUMULATE: 0, ...activationConstants(activation) };
    const workgroups = grid(invocations(geometry, division.parts), conv2d_depthwise_forward);
    // A kernel that does not read the bias still needs something bound.
    const tensors = { x, w, bias: bias ?? w, y };
    emit.dispatch(
      conv2d_depthwise_forward,
      tensors,
      { ...constantsOf(geometry, division), ...flags },
      workgroups,
    );
  },
);

/** Lines and columns of dx; with stride 2 its pairs of columns and the padding before them. */
const gradInputExtents = ({
  H,
  W,
  PAD_TOP,
  PAD_LEFT,
  STRIDE_H,
}: GroupedGeometry): readonly [number, number] =>
  STRIDE_H === 1 ? [H, W] : [H + PAD_TOP, Math.ceil((W + PAD_LEFT) / 2)];

export const DEPTHWISE_GRAD_INPUT = /* @__PURE__ */ stripVariants<GradInputArgs>(
  gradInputExtents,
  ["COLUMNS"],
  (emit, geometry, division, { dy, w }, { tensor: dx, accumulate: ACCUMULATE }) => {
    const constants = constantsOf(geometry, division);
    const workgroups = grid(invocations(geometry, division.parts), conv2d_depthwise_forward);
    if (constants.STRIDE === 2) {
      emit.dispatch(conv2d_depthwise_grad_input, { dy, w, dx }, { ...constants, ACCUMULATE }, workgroups);
      return;
    }
    // The forward pass from dy to dx, with the window turned around.
    const { H, W, P, Q, PAD_TOP, PAD_LEFT, WINDOW } = constants;
    const turned = { H: P, W: Q, P: H, Q: W, PAD_TOP: WINDOW - 1 - PAD_TOP, PAD_LEFT: WINDOW - 1 - PAD_LEFT };
    const flags = { TURNED: 1, HAS_BIAS: 0, ACCUMULATE, ...activationConstants(IDENTITY) };
    const tensors = { x: dy, w, bias: w, y: dx };
    emit.dispatch(conv2d_depthwise_forward, tensors, { ...constants, ...turned, ...flags }, workgroups);
  },
);

export const DEPTHWISE_GRAD_WEIGHT = /* @__PURE__ */ stripVariants<GradWeightArgs>(
  ({ P, Q }) => [P, Q],
  ["COLUMNS", "SPLITS"],
  (emit, geometry, division, { x, dy }, target) => {
    const { SPLITS } = division;
    const dw = emit.temporary("splits", [SPLITS, ...target.tensor.shape]);
    const workgroups = grid(invocations(geometry, SPLITS), conv2d_depthwise_grad_weight);
    const constants = { ...constantsOf(geometry, division), SPLITS };
    emit.dispatch(conv2d_depthwise_grad_weight, { x, dy, dw }, constants, workgroups);
    emitSplitSum(emit, dw, SPLITS, target);
  },
);

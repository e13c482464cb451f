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
import type { Kernel } from "../../kernel/kernel.ts";
import {
  conv2d_depthwise_forward,
  conv2d_depthwise_grad_input,
  conv2d_depthwise_grad_weight,
} from "../../kernel/shaders.gen.ts";
import { withSubgroupSize } from "../../kernel/subgroup-size.ts";
import { activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { Variant } from "../tunable.ts";
import type { ForwardArgs } from "./conv-forward.ts";
import type { GradInputArgs, GradWeightArgs } from "./conv-gradients.ts";
import { ENOUGH } from "./register-tiles.ts";
import { emitSplitSum } from "./split-sum.ts";
import { enoughOn, spillsOn } from "./tile-cost.ts";

export type GroupedGeometry = Geometry & { readonly GROUPS: number };

/** Columns that an invocation goes along at least, for at either end it loads some that others load too. */
const LEAST_COLUMNS = 4;

/** What the kernels are for. */
const isDepthwise = ({ GROUPS, C, K, R, S, ...moves }: GroupedGeometry): boolean =>
  GROUPS === C &&
  C === K &&
  R === S &&
  (R === 3 || R === 5) &&
  moves.STRIDE_H === moves.STRIDE_W &&
  moves.STRIDE_H <= 2 &&
  moves.DILATION_H * moves.DILATION_W === 1;

/**
 * Whether the kernels are the heuristic's choice: by AMD's compiler they need 120 registers for a window of 3, as tiles of
 * more than 32 sums do, and 224 for one of 5.
 */
export const suitsStrips = (geometry: GroupedGeometry, device: Capabilities): boolean =>
  isDepthwise(geometry) && (isCpu(device) || !spillsOn(device, geometry.R === 3 ? 32 : 64));

/** How a pass is divided. */
interface Division {
  /** Of a part of a strip. */
  readonly COLUMNS: number;
  readonly parts: number;
  /** Sums that the parts are added up in first. */
  readonly SPLITS: number;
}

type Extents = readonly [lines: number, columns: number];
type Lengths = "strips" | "short_strips" | "long_strips";

/** Cuts so many lines and columns of all images into parts. */
function divided(
  { N, C }: GroupedGeometry,
  [lines, columns]: Extents,
  device: Capabilities,
  lengths: Lengths,
): Division {
  const strips = N * Math.ceil(lines / 4);
  const enough = Math.ceil((isCpu(device) ? ENOUGH : enoughOn(device)) / (pad4(C) / 4));
  const wanted = { strips: Math.ceil(enough / strips), short_strips: columns, long_strips: 1 }[lengths];
  const COLUMNS = Math.max(Math.min(LEAST_COLUMNS, columns), Math.ceil(columns / wanted));
  const parts = strips * Math.ceil(columns / COLUMNS);
  return { COLUMNS, parts, SPLITS: Math.min(parts, enough) };
}

/** A pass over parts of strips that give a device enough to do and, if measuring prefers them, the shortest and longest. */
const stripVariants = <Args extends readonly unknown[]>(
  /** What is cut into strips. */
  extents: (geometry: GroupedGeometry) => Extents,
  emitStrips: (emit: Emitter, geometry: GroupedGeometry, division: Division, ...args: Args) => void,
): readonly Variant<GroupedGeometry, Args>[] =>
  (["strips", "short_strips", "long_strips"] as const).map((name) => {
    const division = (geometry: GroupedGeometry, device: Capabilities, lengths: Lengths): Division =>
      divided(geometry, extents(geometry), device, lengths);
    return {
      name,
      ...(name !== "strips" && { varies: "strips" }),
      error: 1,
      fits: (geometry, device) =>
        isDepthwise(geometry) &&
        (name === "strips" ||
          division(geometry, device, name).COLUMNS !== division(geometry, device, "strips").COLUMNS),
      emit(emit, geometry, ...args) {
        emitStrips(emit, geometry, division(geometry, emit.device, name), ...args);
      },
    };
  });

/** In subgroups of the size that leaves an invocation the registers. */
const sized = <K extends Kernel>({ device }: Emitter, kernel: K): K =>
  withSubgroupSize(kernel, device.subgroupSize);

/** What all the kernels take. */
const constantsOf = ({ R, STRIDE_H, ...geometry }: GroupedGeometry, { COLUMNS }: Division) => ({
  ...geometry,
  ...{ WINDOW: R, STRIDE: STRIDE_H, COLUMNS },
});

/** An invocation for each vec4 of channels and each of `count` parts or sums. */
const workgroups = ({ C }: GroupedGeometry, count: number): readonly [number, number, number] =>
  grid((count * pad4(C)) / 4, conv2d_depthwise_forward);

export const DEPTHWISE_FORWARD = /* @__PURE__ */ stripVariants<ForwardArgs>(
  ({ P, Q }) => [P, Q],
  (emit, geometry, division, { x, w, bias, y }, activation = IDENTITY) => {
    const flags = { TURNED: 0, HAS_BIAS: bias ? 1 : 0, ACCUMULATE: 0, ...activationConstants(activation) };
    const kernel = sized(emit, conv2d_depthwise_forward);
    // A kernel that does not read the bias still needs something bound.
    const tensors = { x, w, bias: bias ?? w, y };
    const constants = { ...constantsOf(geometry, division), ...flags };
    emit.dispatch(kernel, tensors, constants, workgroups(geometry, division.parts));
  },
);

export const DEPTHWISE_GRAD_INPUT = /* @__PURE__ */ stripVariants<GradInputArgs>(
  // With stride 2 pairs of columns, and the padding before them.
  ({ H, W, PAD_TOP, PAD_LEFT, STRIDE_W }) =>
    STRIDE_W === 1 ? [H, W] : [H + PAD_TOP, Math.ceil((W + PAD_LEFT) / 2)],
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

export const DEPTHWISE_GRAD_WEIGHT = /* @__PURE__ */ stripVariants<GradWeightArgs>(
  ({ P, Q }) => [P, Q],
  (emit, geometry, division, { x, dy }, target) => {
    const { SPLITS } = division;
    const dw = emit.temporary("splits", [SPLITS, ...target.tensor.shape]);
    const kernel = sized(emit, conv2d_depthwise_grad_weight);
    const constants = { ...constantsOf(geometry, division), SPLITS };
    emit.dispatch(kernel, { x, dy, dw }, constants, workgroups(geometry, SPLITS));
    emitSplitSum(emit, dw, SPLITS, target);
  },
);

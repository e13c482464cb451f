/** The gradients of batch normalisation over the rows of (ROWS, C), each with all the ways to compute it. */

import type { GradientTarget } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  batch_norm_backward,
  batch_norm_backward_merge,
  batch_norm_backward_merge_single,
  batch_norm_backward_residual,
  batch_norm_backward_sums,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants } from "../elementwise/activation.ts";
import type { Tunable } from "../tunable.ts";
import { backwardAlone, sumsAlone } from "./alone.ts";
import { columnsOf, elementwise, mergeGroups, type Rows, reductions } from "./rows.ts";

/** Where a gradient is written, and its flag: 0 nobody wants it, 1 `=`, 2 `+=`. */
export type Target = readonly [tensor: Tensor, flag: 0 | 1 | 2];

export type SumsArgs = [
  tensors: Readonly<Record<"x" | "dy" | "mean" | "variance" | "weight" | "bias", Tensor>>,
  results: { readonly coefficients: Tensor; readonly dweight: Target; readonly dbias: Target },
  settings: {
    readonly eps: number;
    readonly activation: Activation;
    /** Whether anything is to be summed; coefficients are computed in any case. */
    readonly sums: boolean;
    /** Whether the statistics are those of the batch, so that they depend on x. */
    readonly train: boolean;
  },
  /** With a residual: y, and where the gradient before the activation is written, which may be dy itself. */
  residual?: { readonly y: Tensor; readonly dz: Tensor },
];
export type BackwardArgs = [
  tensors: Readonly<Record<"x" | "dy" | "coefficients", Tensor>>,
  target: GradientTarget,
  activation: Activation,
];

/** The gradients of weight and bias, and the coefficients of that of x. */
export const BATCH_NORM_SUMS: Tunable<Rows, SumsArgs> = {
  op: "batch_norm",
  pass: "backward_sums",
  ...reductions<SumsArgs>((emit, rows, reduction, { x, dy, ...vectors }, results, settings, residual) => {
    const { ROWS, C } = rows;
    const { coefficients, dweight, dbias } = results;
    const { eps: EPS, sums, train, activation } = settings;
    const { mean, variance } = vectors;
    const [PARTS, LANES] = sums ? [reduction.PARTS, reduction.LANES] : [0, 1];
    const partial = sums ? emit.temporary("partial", [2, PARTS, C]) : mean;
    const constants = { ROWS, C, PARTS, EPS, ...activationConstants(activation) };
    if (sums && residual) {
      const { y, dz } = residual;
      const IN_PLACE = dy === dz ? 1 : 0;
      emit.dispatch(
        batch_norm_backward_residual,
        { x, y, dy: IN_PLACE ? y : dy, mean, variance, dz, partial },
        { ...constants, IN_PLACE },
        grid(PARTS * columnsOf(rows), batch_norm_backward_residual),
      );
    } else if (sums) {
      emit.dispatch(
        batch_norm_backward_sums,
        { x, dy, ...vectors, partial },
        constants,
        grid(PARTS * columnsOf(rows), batch_norm_backward_sums),
      );
    }
    emit.dispatch(
      reduction.merge === "workgroup" ? batch_norm_backward_merge : batch_norm_backward_merge_single,
      { partial, ...vectors, coefficients, dweight: dweight[0], dbias: dbias[0] },
      { C, PARTS, LANES, EPS, INVERSE_ROWS: train ? 1 / ROWS : 0, DWEIGHT: dweight[1], DBIAS: dbias[1] },
      mergeGroups(rows, LANES),
    );
  }),
  alone: sumsAlone,
};

/** The gradient of x. */
export const BATCH_NORM_BACKWARD: Tunable<Rows, BackwardArgs> = {
  op: "batch_norm",
  pass: "backward",
  ...elementwise<BackwardArgs>(
    (emit, rows, PARTS, tensors, { tensor: dx, accumulate: ACCUMULATE }, activation) => {
      emit.dispatch(
        batch_norm_backward,
        { ...tensors, dx },
        { ...rows, ...activationConstants(activation), PARTS, ACCUMULATE },
        grid(PARTS * columnsOf(rows), batch_norm_backward),
      );
    },
  ),
  alone: backwardAlone,
};

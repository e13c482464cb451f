/** The gradients of batch normalisation over the rows of (ROWS, C), each with all the ways to compute it. */

import type { Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  batch_norm_backward,
  batch_norm_backward_merge,
  batch_norm_backward_merge_single,
  batch_norm_backward_sums,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants } from "../elementwise/activation.ts";
import type { Tunable } from "../tunable.ts";
import { backwardAlone, sumsAlone } from "./alone.ts";
import { columnsOf, elementwise, mergeGroups, type Rows, reductions } from "./rows.ts";

/** Where a gradient is written, and its flag: 0 nobody wants it, 1 `=`, 2 `+=`. */
export type Target = readonly [tensor: Tensor, flag: 0 | 1 | 2];

/** With `residual` the activation's derivative is taken from y; without, any tensor will do for it. */
interface BackwardSettings {
  readonly activation: Activation;
  readonly residual: boolean;
}
export type SumsArgs = [
  tensors: Readonly<Record<"x" | "y" | "dy" | "mean" | "variance" | "weight" | "bias", Tensor>>,
  results: { readonly coefficients: Tensor; readonly dweight: Target; readonly dbias: Target },
  settings: BackwardSettings & {
    readonly eps: number;
    /** Whether anything is to be summed; coefficients are computed in any case. */
    readonly sums: boolean;
    /** Whether the statistics are those of the batch, so that they depend on x. */
    readonly train: boolean;
  },
];
export type BackwardArgs = [
  tensors: Readonly<Record<"x" | "y" | "dy" | "coefficients", Tensor>>,
  results: { readonly dx: Target; readonly dresidual: Target },
  settings: BackwardSettings,
];

/** The gradients of weight and bias, and the coefficients of that of x. */
export const BATCH_NORM_SUMS: Tunable<Rows, SumsArgs> = {
  op: "batch_norm",
  pass: "backward_sums",
  ...reductions<SumsArgs>((emit, rows, reduction, tensors, results, settings) => {
    const { ROWS, C } = rows;
    const { coefficients, dweight, dbias } = results;
    const { eps: EPS, sums, train, residual, activation } = settings;
    const { mean, variance, weight, bias } = tensors;
    const [PARTS, LANES] = sums ? [reduction.PARTS, reduction.LANES] : [0, 1];
    const partial = sums ? emit.temporary("partial", [2, PARTS, C]) : mean;
    if (sums) {
      emit.dispatch(
        batch_norm_backward_sums,
        { ...tensors, partial },
        { ROWS, C, RESIDUAL: residual ? 1 : 0, ...activationConstants(activation), PARTS, EPS },
        grid(PARTS * columnsOf(rows), batch_norm_backward_sums),
      );
    }
    emit.dispatch(
      reduction.merge === "workgroup" ? batch_norm_backward_merge : batch_norm_backward_merge_single,
      { partial, mean, variance, weight, bias, coefficients, dweight: dweight[0], dbias: dbias[0] },
      { C, PARTS, LANES, EPS, INVERSE_ROWS: train ? 1 / ROWS : 0, DWEIGHT: dweight[1], DBIAS: dbias[1] },
      mergeGroups(rows, LANES),
    );
  }),
  alone: sumsAlone,
};

/** The gradients of x and of the residual. */
export const BATCH_NORM_BACKWARD: Tunable<Rows, BackwardArgs> = {
  op: "batch_norm",
  pass: "backward",
  ...elementwise<BackwardArgs>((emit, rows, PARTS, tensors, { dx, dresidual }, { activation, residual }) => {
    const constants = { RESIDUAL: residual ? 1 : 0, ...activationConstants(activation) };
    emit.dispatch(
      batch_norm_backward,
      { ...tensors, dx: dx[0], dresidual: dresidual[0] },
      { ...rows, ...constants, PARTS, DX: dx[1], DRESIDUAL: dresidual[1] },
      grid(PARTS * columnsOf(rows), batch_norm_backward),
    );
  }),
  alone: backwardAlone,
};

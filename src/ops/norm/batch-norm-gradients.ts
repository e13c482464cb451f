/** The gradients of batch normalisation over the rows of (ROWS, C), each with all the ways to compute it. */

import type { Emitter, GradientTarget } from "../../graph/op.ts";
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
import { columnsOf, elementwise, mergeGroups, type Reduction, type Rows, reductions } from "./rows.ts";

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

/**
 * Emits the coefficients of the gradient of x, and the gradients of weight and bias, from the parts of their sums; where
 * there are none, the sums are zero. `WHOLE` is 0 where the parts are of dz (x − mean) instead of dz x̂.
 */
export function emitMergedSums(
  emit: Emitter,
  rows: Rows,
  parts: Pick<Reduction, "LANES" | "merge"> & { readonly partial: Tensor | undefined; readonly WHOLE: 0 | 1 },
  vectors: Pick<SumsArgs[0], "mean" | "variance" | "weight" | "bias">,
  { coefficients, dweight, dbias }: SumsArgs[1],
  { eps: EPS, train }: Pick<SumsArgs[2], "eps" | "train">,
): void {
  const { partial = vectors.mean, LANES, merge, WHOLE } = parts;
  const PARTS = parts.partial ? partial.shape[1]! : 0;
  const constants = { C: rows.C, PARTS, LANES, EPS, WHOLE, INVERSE_ROWS: train ? 1 / rows.ROWS : 0 };
  emit.dispatch(
    merge === "workgroup" ? batch_norm_backward_merge : batch_norm_backward_merge_single,
    { partial, ...vectors, coefficients, dweight: dweight[0], dbias: dbias[0] },
    { ...constants, DWEIGHT: dweight[1], DBIAS: dbias[1] },
    mergeGroups(rows, LANES),
  );
}

/** The gradients of weight and bias, and the coefficients of that of x. */
export const BATCH_NORM_SUMS: Tunable<Rows, SumsArgs> = {
  op: "batch_norm",
  pass: "backward_sums",
  ...reductions<SumsArgs>((emit, rows, { PARTS, LANES, merge }, tensors, results, settings, residual) => {
    const { x, dy, ...vectors } = tensors;
    const { ROWS, C } = rows;
    const { eps: EPS, sums, activation } = settings;
    const { mean, variance } = vectors;
    const partial = sums ? emit.temporary("partial", [2, PARTS, C]) : undefined;
    const constants = { ROWS, C, PARTS, EPS, ...activationConstants(activation) };
    if (partial && residual) {
      const { y, dz } = residual;
      const IN_PLACE = dy === dz ? 1 : 0;
      emit.dispatch(
        batch_norm_backward_residual,
        { x, y, dy: IN_PLACE ? y : dy, mean, variance, dz, partial },
        { ...constants, IN_PLACE },
        grid(PARTS * columnsOf(rows), batch_norm_backward_residual),
      );
    } else if (partial) {
      emit.dispatch(
        batch_norm_backward_sums,
        { x, dy, ...vectors, partial },
        constants,
        grid(PARTS * columnsOf(rows), batch_norm_backward_sums),
      );
    }
    const parts = { partial, LANES: partial ? LANES : 1, merge, WHOLE: 1 } as const;
    emitMergedSums(emit, rows, parts, vectors, results, settings);
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

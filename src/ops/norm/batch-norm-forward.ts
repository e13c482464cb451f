/** The forward passes of batch normalisation over the rows of (ROWS, C), each with all the ways to compute it. */

import type { Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  batch_norm_forward,
  batch_norm_statistics,
  batch_norm_statistics_merge,
  batch_norm_statistics_merge_single,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants } from "../elementwise/activation.ts";
import type { Tunable } from "../tunable.ts";
import { forwardAlone, statisticsAlone } from "./alone.ts";
import { columnsOf, elementwise, mergeGroups, type Rows, reductions } from "./rows.ts";

export type StatisticsArgs = [
  tensors: Readonly<Record<"x" | "mean" | "variance" | "running_mean" | "running_var", Tensor>>,
  momentum: number,
];
export type ForwardArgs = [
  tensors: Readonly<Record<"x" | "mean" | "variance" | "weight" | "bias" | "y", Tensor>>,
  settings: {
    readonly eps: number;
    readonly activation: Activation;
    readonly residual?: Tensor | undefined;
    /** (5, C), where `residual` is the input of a batch norm: mean, scale and bias of that. */
    readonly residualNorm?: Tensor | undefined;
  },
];

/** Mean and variance of the batch, which the running ones follow. */
export const BATCH_NORM_STATISTICS: Tunable<Rows, StatisticsArgs> = {
  op: "batch_norm",
  pass: "statistics",
  ...reductions<StatisticsArgs>((emit, rows, { PARTS, LANES, merge }, { x, ...vectors }, MOMENTUM) => {
    const { ROWS, C } = rows;
    const partial = emit.temporary("partial", [2, PARTS, C]);
    const constants = { ROWS, C, PARTS };
    const workgroups = grid(PARTS * columnsOf(rows), batch_norm_statistics);
    emit.dispatch(batch_norm_statistics, { x, partial }, constants, workgroups);
    emit.dispatch(
      merge === "workgroup" ? batch_norm_statistics_merge : batch_norm_statistics_merge_single,
      { x: { ...x, shape: [1, C] }, partial, ...vectors },
      { ...constants, PART_ROWS: 0, LANES, MOMENTUM },
      mergeGroups(rows, LANES),
    );
  }),
  alone: statisticsAlone,
};

/** y = f((x − mean) / √(variance + eps) · weight + bias [+ residual]). */
export const BATCH_NORM_FORWARD: Tunable<Rows, ForwardArgs> = {
  op: "batch_norm",
  pass: "forward",
  ...elementwise<ForwardArgs>((emit, rows, PARTS, { y, ...tensors }, settings) => {
    const {
      eps,
      activation,
      residual = tensors.weight,
      residualNorm: coefficients = tensors.weight,
    } = settings;
    const RESIDUAL = settings.residualNorm ? 2 : settings.residual ? 1 : 0;
    emit.dispatch(
      batch_norm_forward,
      { ...tensors, residual, coefficients, y },
      { ...rows, PARTS, EPS: eps, RESIDUAL, ...activationConstants(activation) },
      grid(PARTS * columnsOf(rows), batch_norm_forward),
    );
  }),
  alone: forwardAlone,
};

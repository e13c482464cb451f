/** The passes of batch normalisation over the rows of (ROWS, C), each with all the ways to compute it. */

import type { Emitter } from "../../graph/op.ts";
import { pad4, type Tensor } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import {
  batch_norm_backward,
  batch_norm_backward_merge,
  batch_norm_backward_merge_single,
  batch_norm_backward_sums,
  batch_norm_forward,
  batch_norm_statistics,
  batch_norm_statistics_merge,
  batch_norm_statistics_merge_single,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants } from "../elementwise/activation.ts";
import type { Tunable, Variant } from "../tunable.ts";
import { backwardAlone, forwardAlone, statisticsAlone, sumsAlone } from "./alone.ts";

export type Rows = Readonly<Record<"ROWS" | "C", number>>;

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
  },
];

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

/** Invocations that keep all threads busy, of a CPU or else of any GPU. */
const ENOUGH = { few: 2048, many: 32768 } as const;

const columnsOf = ({ C }: Rows): number => pad4(C) / 4;

/** How the rows of a reduction are divided, and by whom the parts are merged. */
interface Reduction {
  readonly PARTS: number;
  /** Invocations that merge the parts of one vec4 of channels, through workgroup memory. */
  readonly LANES: number;
  readonly merge: "workgroup" | "single";
}

/** Parts of a reduction: work for so many threads, and few enough not to cost more than the rows. */
const partsFor = (rows: Rows, threads: keyof typeof ENOUGH): number =>
  Math.max(1, Math.min(Math.floor(ENOUGH[threads] / columnsOf(rows)), Math.ceil(rows.ROWS / 16)));

/** About 8 parts for each lane, and at most a workgroup. */
const lanesFor = (parts: number): number => Math.min(64, 2 ** Math.floor(Math.log2(Math.max(1, parts / 8))));

/** Workgroups of a merge. */
const mergeGroups = (rows: Rows, LANES: number) => [Math.ceil((columnsOf(rows) * LANES) / 64), 1, 1] as const;

/**
 * Reductions in parts for many or for few threads, merged by workgroups or by an invocation each. On a CPU every part
 * more is only more to merge, and barriers take longer to compile and to run than the sum.
 */
function reductions<Args extends readonly unknown[]>(
  emitReduction: (emit: Emitter, rows: Rows, reduction: Reduction, ...args: Args) => void,
): Pick<Tunable<Rows, Args>, "variants" | "guess"> {
  const differs = (rows: Rows): boolean => partsFor(rows, "few") !== partsFor(rows, "many");
  const variants = (["many", "few"] as const).flatMap((threads) =>
    (["workgroup", "single"] as const).map(
      (merge): Variant<Rows, Args> => ({
        name: `${threads}_parts_${merge}`,
        error: 1,
        fits: (rows) => threads === "many" || differs(rows),
        emit(emit, rows, ...args) {
          const PARTS = partsFor(rows, threads);
          const LANES = merge === "workgroup" ? lanesFor(PARTS) : 1;
          emitReduction(emit, rows, { PARTS, LANES, merge }, ...args);
        },
      }),
    ),
  );
  return {
    variants,
    guess(rows, device) {
      const cpu = isCpu(device);
      const wanted = `${cpu && differs(rows) ? "few" : "many"}_parts_${cpu ? "single" : "workgroup"}`;
      return variants.find(({ name }) => name === wanted)!;
    },
  };
}

/**
 * Passes over elements: about 8 rows for each invocation, which share what is read once a channel, or up to 32 where
 * that leaves work for a few threads, as for a CPU.
 */
function elementwise<Args extends readonly unknown[]>(
  emitPass: (emit: Emitter, rows: Rows, PARTS: number, ...args: Args) => void,
): Pick<Tunable<Rows, Args>, "variants" | "guess"> {
  const short = ({ ROWS }: Rows): number => Math.ceil(ROWS / 8);
  const long = (rows: Rows): number =>
    Math.min(short(rows), Math.max(Math.ceil(rows.ROWS / 32), Math.ceil(ENOUGH.few / columnsOf(rows))));
  const differs = (rows: Rows): boolean => long(rows) !== short(rows);
  const eight: Variant<Rows, Args> = {
    name: "8_rows",
    error: 1,
    fits: () => true,
    emit: (emit, rows, ...args) => emitPass(emit, rows, short(rows), ...args),
  };
  const more: Variant<Rows, Args> = {
    name: "32_rows",
    error: 1,
    fits: differs,
    emit: (emit, rows, ...args) => emitPass(emit, rows, long(rows), ...args),
  };
  return {
    variants: [eight, more],
    guess: (rows, device) => (isCpu(device) && differs(rows) ? more : eight),
  };
}

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
      { x, partial, ...vectors },
      { ...constants, LANES, MOMENTUM },
      mergeGroups(rows, LANES),
    );
  }),
  alone: statisticsAlone,
};

/** y = f((x − mean) / √(variance + eps) · weight + bias [+ residual]). */
export const BATCH_NORM_FORWARD: Tunable<Rows, ForwardArgs> = {
  op: "batch_norm",
  pass: "forward",
  ...elementwise<ForwardArgs>((emit, rows, PARTS, tensors, { eps, activation, residual }) => {
    emit.dispatch(
      batch_norm_forward,
      { ...tensors, residual: residual ?? tensors.weight },
      { ...rows, PARTS, EPS: eps, RESIDUAL: residual ? 1 : 0, ...activationConstants(activation) },
      grid(PARTS * columnsOf(rows), batch_norm_forward),
    );
  }),
  alone: forwardAlone,
};

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

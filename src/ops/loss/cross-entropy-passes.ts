/** The passes of cross-entropy: sums by whole workgroups, or by one invocation each, without barriers. */

import type { Emitter } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { fold } from "../../kernel/grid.ts";
import {
  cross_entropy_mean_single,
  cross_entropy_mean_workgroup,
  cross_entropy_rows_single,
  cross_entropy_rows_single_with_gradient,
  cross_entropy_rows_workgroup,
  cross_entropy_rows_workgroup_with_gradient,
  cross_entropy_total_single,
  cross_entropy_total_workgroup,
} from "../../kernel/shaders.gen.ts";
import type { Tunable } from "../tunable.ts";

type Product = Readonly<Record<"N" | "K", number>>;
type RowsArgs = [
  tensors: Readonly<Record<"logits" | "labels" | "class_weights" | "total" | "rows", Tensor>> & {
    /** There where the logits want a gradient. */
    readonly dlogits?: Tensor | undefined;
  },
  constants: Readonly<Record<"IGNORED" | "SMOOTHING", number>>,
];
type MeanArgs = [tensors: Readonly<Record<"rows" | "loss", Tensor>>];

const BY_WORKGROUPS = {
  total: cross_entropy_total_workgroup,
  rows: cross_entropy_rows_workgroup,
  gradient: cross_entropy_rows_workgroup_with_gradient,
};
const BY_ONE = {
  total: cross_entropy_total_single,
  rows: cross_entropy_rows_single,
  gradient: cross_entropy_rows_single_with_gradient,
};

const always = (): boolean => true;

/** The loss of each row, and its gradient. */
export const CROSS_ENTROPY_ROWS: Tunable<Product, RowsArgs> = {
  op: "cross_entropy",
  pass: "rows",
  variants: [
    { name: "workgroup", error: 1, fits: always, emit: (...args) => emitRows(BY_WORKGROUPS, ...args) },
    { name: "single", error: 1, fits: always, emit: (...args) => emitRows(BY_ONE, ...args) },
  ],
  // A CPU takes longer to compile barriers than all the rest.
  guess: (_, device) => CROSS_ENTROPY_ROWS.variants[isCpu(device) ? 1 : 0]!,
  alone: ({ N, K }) => ({
    inputs: {
      logits: { shape: [N, K] },
      labels: { shape: [N], dtype: "i32", value: (random) => random.u32() % K },
      class_weights: { shape: [K], value: (random) => 0.5 + random.uniform() },
    },
    outputs: { total: { shape: [1] }, rows: { shape: [N, 4] }, dlogits: { shape: [N, K] } },
    products: Math.max(N, K),
    args: ({ logits, labels, class_weights, total, rows, dlogits }) => [
      {
        ...{ logits: logits!, labels: labels!, class_weights: class_weights! },
        ...{ total: total!, rows: rows!, dlogits: dlogits! },
      },
      { IGNORED: -100, SMOOTHING: 0 },
    ],
  }),
};

/** The mean of the rows, and what else `loss` holds. */
export const MEAN_LOSS: Tunable<Readonly<Record<"N", number>>, MeanArgs> = {
  op: "cross_entropy",
  pass: "mean",
  variants: [
    {
      name: "workgroup",
      error: 1,
      fits: always,
      emit: (...args) => emitMean(cross_entropy_mean_workgroup, ...args),
    },
    {
      name: "single",
      error: 1,
      fits: always,
      emit: (...args) => emitMean(cross_entropy_mean_single, ...args),
    },
  ],
  guess: (_, device) => MEAN_LOSS.variants[isCpu(device) ? 1 : 0]!,
  alone: ({ N }) => ({
    inputs: { rows: { shape: [N, 4], value: (random) => random.uniform() } },
    outputs: { loss: { shape: [5] } },
    products: N,
    args: ({ rows, loss }) => [{ rows: rows!, loss: loss! }],
  }),
};

function emitRows(
  kernels: typeof BY_WORKGROUPS | typeof BY_ONE,
  emit: Emitter,
  { N, K }: Product,
  ...[{ dlogits, ...tensors }, { IGNORED, SMOOTHING }]: RowsArgs
): void {
  const { labels, class_weights, total } = tensors;
  emit.dispatch(kernels.total, { labels, class_weights, total }, { N, K, IGNORED }, [1, 1, 1]);
  const constants = { N, K, IGNORED, SMOOTHING };
  if (dlogits) emit.dispatch(kernels.gradient, { ...tensors, dlogits }, constants, fold(N));
  else emit.dispatch(kernels.rows, tensors, constants, fold(N));
}

function emitMean(
  kernel: typeof cross_entropy_mean_workgroup | typeof cross_entropy_mean_single,
  emit: Emitter,
  { N }: { readonly N: number },
  { rows, loss }: MeanArgs[0],
): void {
  emit.dispatch(kernel, { rows, loss }, { N }, [1, 1, 1]);
}

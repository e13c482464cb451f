/** The passes of cross-entropy: sums by whole workgroups, or by one invocation each, without barriers. */

import type { Emitter } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { fold } from "../../kernel/grid.ts";
import {
  cross_entropy_mean_reduce,
  cross_entropy_mean_serial,
  cross_entropy_rows_reduce,
  cross_entropy_rows_reduce_with_gradient,
  cross_entropy_rows_serial,
  cross_entropy_rows_serial_with_gradient,
  cross_entropy_total_reduce,
  cross_entropy_total_serial,
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

const REDUCE = {
  total: cross_entropy_total_reduce,
  rows: cross_entropy_rows_reduce,
  gradient: cross_entropy_rows_reduce_with_gradient,
};
const SERIAL = {
  total: cross_entropy_total_serial,
  rows: cross_entropy_rows_serial,
  gradient: cross_entropy_rows_serial_with_gradient,
};

const always = (): boolean => true;

/** The loss of each row, and its gradient. */
export const CROSS_ENTROPY_ROWS: Tunable<Product, RowsArgs> = {
  op: "cross_entropy",
  pass: "rows",
  variants: [
    { name: "reduce", error: 1, fits: always, emit: (...args) => emitRows(REDUCE, ...args) },
    { name: "serial", error: 1, fits: always, emit: (...args) => emitRows(SERIAL, ...args) },
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
      name: "reduce",
      error: 1,
      fits: always,
      emit: (...args) => emitMean(cross_entropy_mean_reduce, ...args),
    },
    {
      name: "serial",
      error: 1,
      fits: always,
      emit: (...args) => emitMean(cross_entropy_mean_serial, ...args),
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
  kernels: typeof REDUCE | typeof SERIAL,
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
  kernel: typeof cross_entropy_mean_reduce | typeof cross_entropy_mean_serial,
  emit: Emitter,
  { N }: { readonly N: number },
  { rows, loss }: MeanArgs[0],
): void {
  emit.dispatch(kernel, { rows, loss }, { N }, [1, 1, 1]);
}

/** The passes of batch normalisation on their own, as the tuner measures them: with ReLU and no residual. */
import type { Random } from "../../base/random.ts";
import type { Activation } from "../elementwise/activation.ts";
import type { Alone } from "../tunable.ts";
import type { ForwardArgs, StatisticsArgs } from "./batch-norm-forward.ts";
import type { BackwardArgs, SumsArgs } from "./batch-norm-gradients.ts";
import type { Rows } from "./rows.ts";

type DType = "f32" | "f16";

const RELU: Activation = { name: "relu" };
const eps = 1e-5;
const positive = (random: Random): number => 0.5 + random.uniform();

export const statisticsAlone = ({ ROWS, C }: Rows, dtype: DType): Alone<StatisticsArgs> => ({
  inputs: {
    // Of a mean that is not zero: errors are relative to it.
    x: { shape: [ROWS, C], dtype, value: positive },
    running_mean: { shape: [C] },
    running_var: { shape: [C], value: positive },
  },
  outputs: { mean: { shape: [C] }, variance: { shape: [C] } },
  products: ROWS,
  args: ({ x, running_mean, running_var, mean, variance }) => [
    { x: x!, mean: mean!, variance: variance!, running_mean: running_mean!, running_var: running_var! },
    0.1,
  ],
});

export const forwardAlone = ({ ROWS, C }: Rows, dtype: DType): Alone<ForwardArgs> => ({
  inputs: { x: { shape: [ROWS, C], dtype }, ...vectors(C) },
  outputs: { y: { shape: [ROWS, C], dtype } },
  products: 1,
  args: ({ x, mean, variance, weight, bias, y }) => [
    { x: x!, mean: mean!, variance: variance!, weight: weight!, bias: bias!, y: y! },
    { eps, activation: RELU },
  ],
});

export const sumsAlone = ({ ROWS, C }: Rows, dtype: DType): Alone<SumsArgs> => ({
  inputs: { x: { shape: [ROWS, C], dtype }, dy: { shape: [ROWS, C], dtype }, ...vectors(C) },
  outputs: { coefficients: { shape: [5, C] }, dweight: { shape: [C] }, dbias: { shape: [C] } },
  products: ROWS,
  args: ({ x, dy, mean, variance, weight, bias, coefficients, dweight, dbias }) => [
    { x: x!, dy: dy!, mean: mean!, variance: variance!, weight: weight!, bias: bias! },
    { coefficients: coefficients!, dweight: [dweight!, 1], dbias: [dbias!, 1] },
    { eps, sums: true, train: true, activation: RELU },
  ],
});

export const backwardAlone = ({ ROWS, C }: Rows, dtype: DType): Alone<BackwardArgs> => ({
  inputs: {
    x: { shape: [ROWS, C], dtype },
    dy: { shape: [ROWS, C], dtype },
    coefficients: { shape: [5, C] },
  },
  outputs: { dx: { shape: [ROWS, C], dtype } },
  products: 1,
  args: ({ x, dy, coefficients, dx }) => [
    { x: x!, dy: dy!, coefficients: coefficients! },
    { tensor: dx!, accumulate: 0 },
    RELU,
  ],
});

const vectors = (C: number) => ({
  mean: { shape: [C] },
  variance: { shape: [C], value: positive },
  weight: { shape: [C] },
  bias: { shape: [C] },
});

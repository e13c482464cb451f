/** The passes of max pooling, each with all the ways to compute it, which give the same numbers. */

import type { Emitter, GradientTarget } from "../../graph/op.ts";
import { pad4, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import {
  max_pool2d_backward,
  max_pool2d_backward_halving,
  max_pool2d_forward,
  max_pool2d_forward_halving,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { Alone, Tunable } from "../tunable.ts";

/** The constants of shaders/lib/core/pool.wgsl, and the number of images. */
export type Windows = Readonly<
  Record<
    | ("N" | "C" | "H" | "W" | "P" | "Q" | "KERNEL_H" | "KERNEL_W")
    | ("STRIDE_H" | "STRIDE_W" | "PAD_TOP" | "PAD_LEFT"),
    number
  >
>;

type ForwardArgs = [tensors: Readonly<Record<"x" | "y" | "index", Tensor>>, activation: Activation];
type BackwardArgs = [
  tensors: Readonly<Record<"y" | "dy" | "index", Tensor>>,
  target: GradientTarget,
  activation: Activation,
];

/** Whether the kernels for strides of 2 fit, which share what they load among windows that overlap. */
const halves = ({ STRIDE_H, STRIDE_W, KERNEL_H, KERNEL_W }: Windows): boolean =>
  [STRIDE_H, STRIDE_W].every((step) => step === 2) &&
  [KERNEL_H, KERNEL_W].every((extent) => extent === 2 || extent === 3);

const always = (): boolean => true;

/** y = f(maximum), and in `index` which cell of the window it is. */
export const MAX_POOL_FORWARD: Tunable<Windows, ForwardArgs> = {
  op: "max_pool2d",
  pass: "forward",
  variants: [
    {
      name: "halving",
      error: 1,
      fits: halves,
      emit(emit, windows, ...args) {
        const { N, P, Q, C } = windows;
        const LENGTH = (N * Math.ceil(P / 2) * Q * pad4(C)) / 4;
        emitForward(emit, max_pool2d_forward_halving, LENGTH, windows, ...args);
      },
    },
    {
      name: "plain",
      error: 1,
      fits: always,
      emit(emit, windows, ...args) {
        const { N, P, Q, C } = windows;
        emitForward(emit, max_pool2d_forward, (N * P * Q * pad4(C)) / 4, windows, ...args);
      },
    },
  ],
  guess: (windows) => MAX_POOL_FORWARD.variants[halves(windows) ? 0 : 1]!,
  alone({ N, H, W, C, P, Q }, dtype): Alone<ForwardArgs> {
    return {
      inputs: { x: { shape: [N, H, W, C], dtype } },
      outputs: {
        y: { shape: [N, P, Q, C], dtype },
        index: { shape: [N, P, Q, pad4(C) / 4], dtype: "u32" },
      },
      products: 1,
      args: ({ x, y, index }) => [{ x: x!, y: y!, index: index! }, IDENTITY],
    };
  },
};

/** dx = Σ of dy over the windows of which it is the maximum, or dx += …. */
export const MAX_POOL_BACKWARD: Tunable<Windows, BackwardArgs> = {
  op: "max_pool2d",
  pass: "backward",
  variants: [
    {
      name: "halving",
      error: 1,
      fits: halves,
      emit(emit, windows, ...args) {
        const { N, H, W, C, PAD_TOP, PAD_LEFT } = windows;
        const squares = N * Math.ceil((H + PAD_TOP) / 2) * Math.ceil((W + PAD_LEFT) / 2);
        emitBackward(emit, max_pool2d_backward_halving, (squares * pad4(C)) / 4, windows, ...args);
      },
    },
    {
      name: "plain",
      error: 1,
      fits: always,
      emit(emit, windows, ...args) {
        const { N, H, W, C } = windows;
        emitBackward(emit, max_pool2d_backward, (N * H * W * pad4(C)) / 4, windows, ...args);
      },
    },
  ],
  guess: (windows) => MAX_POOL_BACKWARD.variants[halves(windows) ? 0 : 1]!,
  alone({ N, H, W, C, P, Q, KERNEL_H, KERNEL_W }, dtype): Alone<BackwardArgs> {
    const cells = KERNEL_H * KERNEL_W;
    const lanes = [1, 2 ** 8, 2 ** 16, 2 ** 24];
    return {
      inputs: {
        dy: { shape: [N, P, Q, C], dtype },
        index: {
          shape: [N, P, Q, pad4(C) / 4],
          dtype: "u32",
          value: (random) => lanes.reduce((sum, lane) => sum + lane * (random.u32() % cells), 0),
        },
      },
      outputs: { dx: { shape: [N, H, W, C], dtype } },
      products: 1,
      args: ({ dy, index, dx }) => [
        { y: dy!, dy: dy!, index: index! },
        { tensor: dx!, accumulate: 0 },
        IDENTITY,
      ],
    };
  },
};

function emitForward(
  emit: Emitter,
  kernel: typeof max_pool2d_forward | typeof max_pool2d_forward_halving,
  LENGTH: number,
  { N, ...windows }: Windows,
  ...[{ x, y, index }, activation]: ForwardArgs
): void {
  const constants = { LENGTH, ...windows, ...activationConstants(activation) };
  emit.dispatch(kernel, { x, y, index }, constants, grid(LENGTH, kernel));
}

function emitBackward(
  emit: Emitter,
  kernel: typeof max_pool2d_backward | typeof max_pool2d_backward_halving,
  LENGTH: number,
  { N, ...windows }: Windows,
  ...[{ y, dy, index }, { tensor: dx, accumulate: ACCUMULATE }, activation]: BackwardArgs
): void {
  const constants = { LENGTH, ACCUMULATE, ...windows, ...activationConstants(activation) };
  emit.dispatch(kernel, { index, y, dy, dx }, constants, grid(LENGTH, kernel));
}

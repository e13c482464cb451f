/** The gradients of a convolution, which conv2d and dense share, each with all the ways to compute it. */

import type { Geometry } from "../../base/window.ts";
import type { BackwardEmitter, Emitter, GradientTarget } from "../../graph/op.ts";
import { pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import { channel_sum } from "../../kernel/shaders.gen.ts";
import {
  conv2d_grad_input_variants,
  conv2d_grad_weight_narrow_variants,
  conv2d_grad_weight_variants,
} from "../../kernel/variants.gen.ts";
import type { Tunable } from "../tunable.ts";
import { gradInputAlone, gradWeightAlone } from "./alone.ts";
import { DEEP, ENOUGH, type Product, type TileLaunch, tileVariants } from "./register-tiles.ts";
import { emitSplitSum } from "./split-sum.ts";
import { WINOGRAD_GRAD_WEIGHT } from "./winograd/grad-weight.ts";
import { pays, turned, WINOGRAD_GRAD_INPUT } from "./winograd/winograd.ts";

export type GradInputArgs = [tensors: { readonly dy: Tensor; readonly w: Tensor }, target: GradientTarget];
export type GradWeightArgs = [tensors: { readonly x: Tensor; readonly dy: Tensor }, target: GradientTarget];

const GRAD_INPUT_TILES = tileVariants(conv2d_grad_input_variants, gradInputProduct, emitGradInputTiles);
/** dx = conv-transpose(dy, w), or dx += …. */
export const CONV_GRAD_INPUT: Tunable<Geometry, GradInputArgs> = {
  op: "conv2d",
  pass: "grad_input",
  variants: [...GRAD_INPUT_TILES.variants, ...WINOGRAD_GRAD_INPUT],
  guess: (geometry, device) =>
    pays(turned(geometry), device, () => GRAD_INPUT_TILES.cost(geometry, device))
      ? WINOGRAD_GRAD_INPUT[0]!
      : GRAD_INPUT_TILES.guess(geometry, device),
  alone: gradInputAlone,
};
const WIDE = tileVariants(conv2d_grad_weight_variants, gradWeightProduct, emitGradWeightTiles);
const NARROW = tileVariants(
  conv2d_grad_weight_narrow_variants,
  narrowProduct,
  emitGradWeightTiles,
  "narrow_",
);
/** Whether all taps in one product may be better than one for each: input channels that would not fill a block of rows. */
const isNarrow = ({ C, R, S }: Geometry, device: Capabilities): boolean =>
  C <= (isCpu(device) || R * S === 1 ? 4 : 32);
/** The better of both. */
function gradWeightTiles(geometry: Geometry, device: Capabilities) {
  if (!isNarrow(geometry, device)) return WIDE;
  return isCpu(device) || NARROW.cost(geometry, device) < WIDE.cost(geometry, device) ? NARROW : WIDE;
}
/** dw = Σ over pixels of x ⊗ dy, or dw += …. */
export const CONV_GRAD_WEIGHT: Tunable<Geometry, GradWeightArgs> = {
  op: "conv2d",
  pass: "grad_weight",
  variants: [
    ...WIDE.variants,
    ...NARROW.variants.map((variant) => ({
      ...variant,
      fits: (geometry: Geometry, device: Capabilities) =>
        isNarrow(geometry, device) && variant.fits(geometry, device),
    })),
    WINOGRAD_GRAD_WEIGHT,
  ],
  guess(geometry, device) {
    const tiles = gradWeightTiles(geometry, device);
    const plain = (): number => tiles.cost(geometry, device);
    return pays(geometry, device, plain) ? WINOGRAD_GRAD_WEIGHT : tiles.guess(geometry, device);
  },
  alone: (geometry, dtype) => gradWeightAlone(geometry, dtype),
};

/** Emits dbias = Σ over pixels of dy, or dbias += …. */
export function emitGradBias(emit: BackwardEmitter, dy: Tensor, target: GradientTarget): void {
  const C = dy.shape.at(-1)!;
  const ROWS = storedLength(dy.shape) / pad4(C);
  const SPLITS = Math.max(1, Math.min(Math.ceil(ROWS / 16), Math.ceil((4 * ENOUGH) / pad4(C))));
  const sum = emit.temporary("bias_splits", [SPLITS, C]);
  const workgroups = grid((SPLITS * pad4(C)) / 4, channel_sum);
  emit.dispatch(channel_sum, { x: dy, y: sum }, { ROWS, C, SPLITS }, workgroups);
  emitSplitSum(emit, sum, SPLITS, target);
}

export function gradInputProduct({ N, H, W, C, K, R, S, STRIDE_H, STRIDE_W }: Geometry): Product {
  const rows = N * Math.ceil(H / STRIDE_H) * Math.ceil(W / STRIDE_W);
  const phases = STRIDE_H * STRIDE_W;
  const depth = (R * S * pad4(K)) / phases;
  return { slices: phases, rows, columns: C, depth, deep: pad4(K) / 4 >= DEEP, maxSplits: 1 };
}

function emitGradInputTiles(
  emit: Emitter,
  geometry: Geometry,
  { kernel, workgroups }: TileLaunch<(typeof conv2d_grad_input_variants)[number]>,
  ...[{ dy, w }, { tensor: dx, accumulate }]: GradInputArgs
): void {
  emit.dispatch(kernel, { dy, w, dx }, gradInputConstants(geometry, accumulate), workgroups);
}

/** The constants of the kernels of an input gradient. */
export function gradInputConstants(geometry: Geometry, ACCUMULATE: 0 | 1) {
  const { STRIDE_H, STRIDE_W, DILATION_H, DILATION_W } = geometry;
  return {
    ...geometry,
    TAP_STEP_H: STRIDE_H / greatestCommonDivisor(STRIDE_H, DILATION_H),
    TAP_STEP_W: STRIDE_W / greatestCommonDivisor(STRIDE_W, DILATION_W),
    ACCUMULATE,
  };
}

export function gradWeightProduct({ N, P, Q, C, K, R, S }: Geometry): Product {
  const pixels = N * P * Q;
  const maxSplits = Math.ceil(pixels / 64);
  return { slices: R * S, rows: C, columns: K, depth: pixels, deep: false, maxSplits };
}

/** As `gradWeightProduct`, with all taps in one product. */
function narrowProduct(geometry: Geometry): Product {
  const { R, S, C } = geometry;
  return { ...gradWeightProduct(geometry), slices: 1, rows: R * S * pad4(C) };
}

function emitGradWeightTiles(
  emit: Emitter,
  geometry: Geometry,
  {
    kernel,
    splits,
    workgroups,
  }: TileLaunch<(typeof conv2d_grad_weight_variants | typeof conv2d_grad_weight_narrow_variants)[number]>,
  ...[{ x, dy }, target]: GradWeightArgs
): void {
  emitInSplits(emit, splits, target, (dw, ACCUMULATE) => {
    emit.dispatch(kernel, { x, dy, dw }, { ...geometry, SPLITS: splits, ACCUMULATE }, workgroups);
  });
}

/** Emits the gradient of a weight, or so many partial sums of it and then their sum. */
export function emitInSplits(
  emit: Emitter,
  splits: number,
  target: GradientTarget,
  emitTiles: (dw: Tensor, ACCUMULATE: 0 | 1) => void,
): void {
  if (splits === 1) {
    emitTiles(target.tensor, target.accumulate);
    return;
  }
  const dw = emit.temporary("splits", [splits, ...target.tensor.shape]);
  emitTiles(dw, 0);
  emitSplitSum(emit, dw, splits, target);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

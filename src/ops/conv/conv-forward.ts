/** The forward pass of a convolution, which conv2d and dense share, with all the ways to compute it. */

import type { Geometry } from "../../base/window.ts";
import type { Emitter } from "../../graph/op.ts";
import { pad4, type Tensor } from "../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { conv2d_forward_variants } from "../../kernel/variants.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { Tunable } from "../tunable.ts";
import { forwardAlone } from "./alone.ts";
import { DEEP, ENOUGH, type Product, type TileLaunch, tileVariants } from "./register-tiles.ts";
import { emitSplitSum } from "./split-sum.ts";
import { pays, WINOGRAD_FORWARD } from "./winograd/winograd.ts";

export type ForwardArgs = [
  tensors: { readonly x: Tensor; readonly w: Tensor; readonly bias: Tensor | undefined; readonly y: Tensor },
  activation?: Activation,
];

const FORWARD_TILES = tileVariants(conv2d_forward_variants, forwardProduct, emitForwardTiles);

/** y = f(conv(x, w) + bias). */
export const CONV_FORWARD: Tunable<Geometry, ForwardArgs> = {
  op: "conv2d",
  pass: "forward",
  variants: [...FORWARD_TILES.variants, ...WINOGRAD_FORWARD],
  guess: (geometry, device) =>
    pays(geometry, device, () => FORWARD_TILES.cost(geometry, device))
      ? WINOGRAD_FORWARD[0]!
      : FORWARD_TILES.guess(geometry, device),
  alone: forwardAlone,
};

export function forwardProduct({ N, H, W, P, Q, C, K, R, S }: Geometry, device: Capabilities): Product {
  const rows = N * P * Q;
  const blocks = pad4(C) / 4;
  // On a CPU only a single deep product, such as a classifier's, is worth the second pass.
  const isDense = R * S === 1 && rows < ENOUGH && H * W === P * Q;
  const maxSplits = isDense ? Math.ceil(blocks / 16) : isCpu(device) ? 1 : Math.ceil(blocks / 32);
  return { slices: 1, rows, columns: K, depth: R * S * 4 * blocks, deep: blocks >= DEEP, maxSplits };
}

function emitForwardTiles(
  emit: Emitter,
  geometry: Geometry,
  { kernel, splits, workgroups }: TileLaunch<(typeof conv2d_forward_variants)[number]>,
  ...[{ x, w, bias, y }, activation = IDENTITY]: ForwardArgs
): void {
  const sum = splits > 1 ? emit.temporary("splits", [splits, ...y.shape]) : y;
  const constants = {
    ...geometry,
    SPLITS: splits,
    HAS_BIAS: bias ? 1 : 0,
    ...activationConstants(activation),
  };
  // A kernel that does not read the bias still needs something bound.
  emit.dispatch(kernel, { x, w, bias: bias ?? w, y: sum }, constants, workgroups);
  if (splits > 1) emitSplitSum(emit, sum, splits, { tensor: y, accumulate: 0 }, bias, activation);
}

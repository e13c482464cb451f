/** Convolutions of stride 1 with windows of 3×3 by Winograd's minimal filtering. */
import type { Emitter, GradientTarget } from "../graph/op.ts";
import { pad4, type Tensor } from "../graph/tensor.ts";
import { grid } from "../kernel.ts";
import {
  winograd_input_winograd_2x2,
  winograd_input_winograd_4x4,
  winograd_output_winograd_2x2,
  winograd_output_winograd_4x4,
  winograd_product_tile_4x4_alone,
  winograd_product_tile_4x8_alone,
  winograd_product_tile_4x16_quad,
  winograd_product_tile_8x8_alone,
  winograd_product_tile_8x16_quad,
  winograd_weights_winograd_2x2,
  winograd_weights_winograd_4x4,
} from "../shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "./activation.ts";
import type { Geometry } from "./convolution.ts";

const KERNELS = {
  2: { weights: winograd_weights_winograd_2x2, input: winograd_input_winograd_2x2, output: winograd_output_winograd_2x2 },
  4: { weights: winograd_weights_winograd_4x4, input: winograd_input_winograd_4x4, output: winograd_output_winograd_4x4 },
};
export const PRODUCT = {
  "4x4": winograd_product_tile_4x4_alone,
  "4x8": winograd_product_tile_4x8_alone,
  "8x8": winograd_product_tile_8x8_alone,
  "4x16q": winograd_product_tile_4x16_quad,
  "8x16q": winograd_product_tile_8x16_quad,
};
export const proto: { m: 2 | 4; tile: keyof typeof PRODUCT } = { m: 2, tile: "8x8" };

export function emitWinogradForward(
  emit: Emitter,
  geometry: Geometry,
  { x, w, bias, y }: { readonly x: Tensor; readonly w: Tensor; readonly bias: Tensor | undefined; readonly y: Tensor },
  activation: Activation = IDENTITY,
): void {
  run(emit, geometry, { x, w, bias, y }, 0, 0, activation);
}

export function emitWinogradGradInput(
  emit: Emitter,
  g: Geometry,
  { dy, w }: { readonly dy: Tensor; readonly w: Tensor },
  target: GradientTarget,
): void {
  const turned = { ...g, H: g.P, W: g.Q, P: g.H, Q: g.W, C: g.K, K: g.C, PAD_TOP: 2 - g.PAD_TOP, PAD_LEFT: 2 - g.PAD_LEFT };
  run(emit, turned, { x: dy, w, bias: undefined, y: target.tensor }, 1, target.accumulate, IDENTITY);
}

function run(
  emit: Emitter,
  { N, H, W, C, K, P, Q, PAD_TOP, PAD_LEFT }: Geometry,
  { x, w, bias, y }: { x: Tensor; w: Tensor; bias: Tensor | undefined; y: Tensor },
  ROTATED: 0 | 1,
  ACCUMULATE: 0 | 1,
  activation: Activation,
): void {
  const { m: edge, tile } = proto;
  const kernels = KERNELS[edge];
  const T = (edge + 2) ** 2;
  const ROWS = N * Math.ceil(P / edge) * Math.ceil(Q / edge);
  const u = emit.temporary("weights", [T, pad4(C), K]);
  const v = emit.temporary("inputs", [T, ROWS, C]);
  const m = emit.temporary("products", [T, ROWS, K]);
  const weightConstants = ROTATED ? { C: K, K: C } : { C, K };
  emit.dispatch(kernels.weights, { w, u }, { ...weightConstants, ROTATED }, grid((pad4(C) * pad4(K)) / 4, kernels.weights));
  emit.dispatch(
    kernels.input,
    { x, v },
    { N, H, W, C, P, Q, PAD_TOP, PAD_LEFT },
    grid((ROWS * pad4(C)) / 4, kernels.input),
  );
  const product = PRODUCT[tile];
  const [rows, columns] = tile.match(/\d+/g)!.map(Number) as [number, number];
  const rowTiles = Math.ceil(ROWS / rows);
  const tiles = T * (tile.endsWith("q") ? pad4(rowTiles) : rowTiles) * Math.ceil(K / columns);
  emit.dispatch(product, { v, u, m }, { T, ROWS, C, K }, grid(tiles, product));
  emit.dispatch(
    kernels.output,
    { m, bias: bias ?? m, y },
    { N, K, P, Q, HAS_BIAS: bias ? 1 : 0, ACCUMULATE, ...activationConstants(activation) },
    grid((ROWS * pad4(K)) / 4, kernels.output),
  );
}

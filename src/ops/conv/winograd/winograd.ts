/**
 * Convolutions of stride 1 with windows of 3×3 by Winograd's minimal filtering (Lavin and Gray 2016): tiles of the
 * input and the filters are transformed, multiplied point by point, which sums up the channels as 16 or 36 matrix
 * products, and transformed back. Tiles of 2×2 outputs take 2.25 times fewer products than the plain sum, those of
 * 4×4 four times fewer.
 *
 * What it costs: transforms, those of the filters in every step, and memory for the transformed tiles, which
 * `imagesAtOnce` bounds. `pays` weighs the multiplications against the transforms. On CPU-class adapters
 * tiles of 4×4 are 1.3 to 2.5 times as fast as the plain sum for most maps of 7×7 and more with 32 channels and more.
 */

import type { Geometry } from "../../../base/window.ts";
import type { Emitter, GradientTarget } from "../../../graph/op.ts";
import { pad4, storedLength, type Tensor } from "../../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../../kernel/capabilities.ts";
import { grid } from "../../../kernel/grid.ts";
import {
  winograd_input_2x2,
  winograd_input_4x4,
  winograd_output_2x2,
  winograd_output_4x4,
  winograd_weights_2x2,
  winograd_weights_4x4,
} from "../../../kernel/shaders.gen.ts";
import { winograd_product_variants } from "../../../kernel/variants.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../../elementwise/activation.ts";
import type { Variant, VariantInfo } from "../../tunable.ts";
import type { ForwardArgs } from "../conv-forward.ts";
import type { GradInputArgs } from "../conv-gradients.ts";
import { type Cost, tileVariants } from "../register-tiles.ts";
import { costOfMoving, LAUNCHED } from "../tile-cost.ts";

/** Tiles of so many outputs in a line, the kernels for them, and the rounding error they are allowed. */
export interface Size {
  readonly outputs: 2 | 4;
  readonly error: number;
  readonly weights: typeof winograd_weights_2x2 | typeof winograd_weights_4x4;
  readonly input: typeof winograd_input_2x2 | typeof winograd_input_4x4;
  readonly output: typeof winograd_output_2x2 | typeof winograd_output_4x4;
}

export const TILES_4X4: Size = {
  outputs: 4,
  error: 3,
  weights: winograd_weights_4x4,
  input: winograd_input_4x4,
  output: winograd_output_4x4,
};
const TILES_2X2: Size = {
  outputs: 2,
  error: 1,
  weights: winograd_weights_2x2,
  input: winograd_input_2x2,
  output: winograd_output_2x2,
};
const SIZES = [TILES_4X4, TILES_2X2] as const;

/** Multiplications of a product in whose time one number is transformed, as measured on CPU-class adapters. */
const TRANSFORM = 20;
/** Bytes of transformed inputs and outputs that keep a CPU-class adapter busy. */
const ENOUGH_BYTES = 5 << 20;
/** The same for a GPU, and how many times inputs and outputs themselves it may be: a small batch stays small. */
const ON_GPU = { enough: 64 << 20, times: 6 } as const;
/** What every device binds, bytes. */
const MAX_BINDING = 128 << 20;
/** Views begin at multiples of so many elements, which may be f16: 256 bytes. */
const ALIGNMENT = 128;

/** winograd_4x4 and winograd_2x2: y = f(conv(x, w) + bias). */
export const WINOGRAD_FORWARD: readonly Variant<Geometry, ForwardArgs>[] = SIZES.map((size) => ({
  ...describe(size),
  fits: (geometry, device) => fits(geometry, size, device),
  emit(emit, geometry, { x, w, bias, y }, activation = IDENTITY) {
    const u = emitWeights(emit, geometry, size, w, 0);
    emitWinograd(emit, geometry, size, { x, u, bias, y }, 0, activation);
  },
}));

/** winograd_4x4 and winograd_2x2: dx = conv-transpose(dy, w), or dx += …. */
export const WINOGRAD_GRAD_INPUT: readonly Variant<Geometry, GradInputArgs>[] = /* @__PURE__ */ SIZES.map(
  (size) => ({
    ...describe(size),
    fits: (geometry, device) => fits(turned(geometry), size, device),
    emit(emit, geometry, { dy, w }, { tensor: dx, accumulate }: GradientTarget) {
      const u = emitWeights(emit, geometry, size, w, 1);
      const tensors = { x: dy, u, bias: undefined, y: dx };
      emitWinograd(emit, turned(geometry), size, tensors, accumulate, IDENTITY);
    },
  }),
);

function describe({ outputs, error }: Size): VariantInfo {
  return { name: `winograd_${outputs}x${outputs}`, error };
}

/** The input gradient as the convolution of dy with the windows turned around. Padding may become negative. */
export function turned({ N, H, W, C, K, P, Q, PAD_TOP, PAD_LEFT, ...rest }: Geometry): Geometry {
  const exchanged = { N, H: P, W: Q, C: K, K: C, P: H, Q: W };
  return { ...rest, ...exchanged, PAD_TOP: 2 - PAD_TOP, PAD_LEFT: 2 - PAD_LEFT };
}

/**
 * Whether tiles of 4×4 are the heuristic's choice: where products and transforms of inputs, outputs and filters together
 * take less than the plain sum, on a GPU less than `plain`, its cost. Not where activations are f16 to save memory, for
 * transformed tiles are f32. The geometry is that of the convolution whose inputs are transformed; `products` is the cost of
 * the matrix products of some of its images.
 */
export function pays(
  geometry: Geometry,
  device: Capabilities,
  plain: () => number,
  products: Cost = PRODUCTS[TILES_4X4.outputs].cost,
): boolean {
  if (device.activations || !fits(geometry, TILES_4X4, device)) return false;
  const { N, P, Q } = geometry;
  const [C, K] = [pad4(geometry.C), pad4(geometry.K)];
  if (!isCpu(device)) {
    const isSmall = 4 * points(TILES_4X4) * C * K <= budgetOf(geometry, device);
    return isSmall && costOnGpu(geometry, device, products) < plain();
  }
  const tiles = tilesOf(geometry, TILES_4X4);
  const transformed = tiles * (C + K) + C * K;
  const cost = points(TILES_4X4) * (tiles * C * K + TRANSFORM * transformed);
  return cost < 9 * N * P * Q * C * K;
}

/** In the unit of `costOf`: all that is transformed is written and read, by two launches besides the product. */
function costOnGpu(geometry: Geometry, device: Capabilities, products: Cost): number {
  const [C, K] = [pad4(geometry.C), pad4(geometry.K)];
  const parts = partsOf(geometry, TILES_4X4, device).map((part) => {
    const tiles = tilesOf(part.geometry, TILES_4X4);
    return (
      products(part.geometry, device) +
      costOfMoving(2 * points(TILES_4X4) * tiles * (C + K), device) +
      3 * LAUNCHED
    );
  });
  const filters = costOfMoving(2 * points(TILES_4X4) * C * K, device);
  return parts.reduce((sum, part) => sum + part, filters);
}

/** Whether a convolution can be computed by such tiles with what every device binds. */
export function fits(geometry: Geometry, size: Size, device: Capabilities): boolean {
  const { R, S, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W, C, K } = geometry;
  const suitable = R * S === 9 && R === S && STRIDE_H * STRIDE_W * DILATION_H * DILATION_W === 1;
  const rows = tilesOf({ ...geometry, N: imagesAtOnce(geometry, size, device) }, size);
  const lengths = [pad4(C) * pad4(K), rows * pad4(C), rows * pad4(K)];
  return suitable && lengths.every((length) => 4 * points(size) * length <= MAX_BINDING);
}

export const points = ({ outputs }: Size): number => (outputs + 2) ** 2;

/** Tiles that cover all outputs, in fours. */
export const tilesOf = ({ N, P, Q }: Geometry, { outputs }: Size): number =>
  pad4(N * Math.ceil(P / outputs) * Math.ceil(Q / outputs));

/** Bytes of transformed numbers that are worth their memory: those of inputs and outputs together, or few. All can be bound. */
function budgetOf({ N, H, W, C, K, P, Q }: Geometry, device: Capabilities): number {
  const own = 4 * N * (H * W * pad4(C) + P * Q * pad4(K));
  const more = isCpu(device) ? 0 : Math.min(ON_GPU.enough, ON_GPU.times * own);
  return Math.min(MAX_BINDING, Math.max(ENOUGH_BYTES, own, more));
}

/**
 * Images at a time, which bounds the memory of transformed inputs and outputs together: they take no more than the
 * inputs and outputs themselves, unless that is little or an image takes more. Parts are as equal as views allow.
 */
function imagesAtOnce(geometry: Geometry, size: Size, device: Capabilities): number {
  const { N, H, W, C, K, P, Q } = geometry;
  const [input, output] = [H * W * pad4(C), P * Q * pad4(K)];
  const bytes = 4 * points(size) * tilesOf({ ...geometry, N: 1 }, size) * (pad4(C) + pad4(K));
  const parts = Math.ceil(N / Math.max(1, Math.floor(budgetOf(geometry, device) / bytes)));
  let step = 1;
  while ((step * input) % ALIGNMENT !== 0 || (step * output) % ALIGNMENT !== 0) step *= 2;
  return Math.min(N, Math.ceil(N / parts / step) * step);
}

/** Emits the transform of the filters, of those of the input gradient where `ROTATED` is 1. */
function emitWeights(emit: Emitter, { C, K }: Geometry, size: Size, w: Tensor, ROTATED: 0 | 1): Tensor {
  const [rows, columns] = ROTATED ? [K, C] : [C, K];
  const u = emit.temporary("winograd_weights", [points(size), pad4(rows), columns]);
  const workgroups = grid((pad4(rows) * pad4(columns)) / 4, size.weights);
  emit.dispatch(size.weights, { w, u }, { C, K, ROTATED }, workgroups);
  return u;
}

/** Emits y = f(conv(x) + bias) with transformed filters u, or y += …, some images at a time. */
function emitWinograd(
  emit: Emitter,
  whole: Geometry,
  size: Size,
  tensors: {
    readonly x: Tensor;
    readonly u: Tensor;
    readonly bias: Tensor | undefined;
    readonly y: Tensor;
  },
  ACCUMULATE: 0 | 1,
  activation: Activation,
): void {
  const { u, bias } = tensors;
  const parts = partsOf(whole, size, emit.device);
  const most = tilesOf(parts[0]!.geometry, size);
  const transformed = emit.temporary("winograd_inputs", [points(size), most, whole.C]);
  const products = emit.temporary("winograd_products", [points(size), most, whole.K]);
  for (const { first, geometry } of parts) {
    const { N, K, P, Q } = geometry;
    const tiles = tilesOf(geometry, size);
    const v = emitInput(emit, geometry, size, imagesOf(tensors.x, first, N), transformed);
    const m = { ...products, shape: [points(size), tiles, K] };
    PRODUCTS[size.outputs].guess(geometry, emit.device).emit(emit, geometry, { v, u, m });
    const y = imagesOf(tensors.y, first, N);
    const constants = { N, K, P, Q, HAS_BIAS: bias ? 1 : 0, ACCUMULATE, ...activationConstants(activation) };
    const workgroups = grid((tiles * pad4(K)) / 4, size.output);
    // A kernel that does not read the bias still needs something bound.
    emit.dispatch(size.output, { m, bias: bias ?? m, y }, constants, workgroups);
  }
}

/** The images of a convolution that are taken at once: the first of them, and what it is for them alone. */
export function partsOf(
  whole: Geometry,
  size: Size,
  device: Capabilities,
): readonly { readonly first: number; readonly geometry: Geometry }[] {
  const images = imagesAtOnce(whole, size, device);
  return Array.from({ length: Math.ceil(whole.N / images) }, (_, part) => {
    const first = part * images;
    return { first, geometry: { ...whole, N: Math.min(images, whole.N - first) } };
  });
}

/** Emits the transform of the input's tiles, to the beginning of a temporary; returns what it takes of it. */
export function emitInput(
  emit: Emitter,
  geometry: Geometry,
  size: Size,
  x: Tensor,
  temporary: Tensor,
): Tensor {
  const { N, H, W, C, P, Q, PAD_TOP, PAD_LEFT } = geometry;
  const tiles = tilesOf(geometry, size);
  const v = { ...temporary, shape: [points(size), tiles, C] };
  const place = { N, H, W, C, P, Q, PAD_TOP, PAD_LEFT };
  emit.dispatch(size.input, { x, v }, place, grid((tiles * pad4(C)) / 4, size.input));
  return v;
}

/** So many images of a tensor, from the first on. */
export function imagesOf(tensor: Tensor, first: number, count: number): Tensor {
  const [, ...image] = tensor.shape;
  return { ...tensor, offset: tensor.offset + first * storedLength(image), shape: [count, ...image] };
}

type ProductArgs = [tensors: { readonly v: Tensor; readonly u: Tensor; readonly m: Tensor }];

const PRODUCTS = { 2: productsOf(TILES_2X2), 4: productsOf(TILES_4X4) };

/** The ways to compute the matrix products, m[t] = v[t] · u[t]. */
function productsOf(size: Size) {
  return tileVariants<(typeof winograd_product_variants)[number], ProductArgs>(
    winograd_product_variants,
    (geometry) => ({
      ...{ slices: points(size), rows: tilesOf(geometry, size), columns: geometry.K },
      ...{ depth: pad4(geometry.C), deep: true, maxSplits: 1, enoughLarge: 0 },
    }),
    (emit, geometry, { kernel, workgroups }, tensors) => {
      const { C, K } = geometry;
      emit.dispatch(kernel, tensors, { T: points(size), ROWS: tilesOf(geometry, size), C, K }, workgroups);
    },
  );
}

/**
 * Launches of the convolution kernels, which conv2d and dense share, and in one place the choice of kernel and
 * tile for each pass.
 */
import type { BackwardEmitter, Emitter, GradientTarget } from "../graph/op.ts";
import { pad4, storedLength, type Tensor } from "../graph/tensor.ts";
import { type Capabilities, grid, type Kernel } from "../kernel.ts";
import {
  channel_sum,
  conv2d_forward_tile_4x4_alone_flat,
  conv2d_forward_tile_4x8_alone_flat,
  conv2d_forward_tile_4x16_quad_flat,
  conv2d_forward_tile_8x8_alone_deep,
  conv2d_forward_tile_8x8_alone_flat,
  conv2d_forward_tile_8x16_quad_deep,
  conv2d_grad_input_tile_4x4_alone_flat,
  conv2d_grad_input_tile_4x8_alone_flat,
  conv2d_grad_input_tile_4x16_quad_flat,
  conv2d_grad_input_tile_8x8_alone_deep,
  conv2d_grad_input_tile_8x8_alone_flat,
  conv2d_grad_input_tile_8x16_quad_deep,
  conv2d_grad_weight_tile_4x4_alone,
  conv2d_grad_weight_tile_4x8_alone,
  conv2d_grad_weight_tile_4x16_quad,
  conv2d_grad_weight_tile_8x8_alone,
  conv2d_grad_weight_tile_8x16_quad,
  split_sum,
} from "../shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "./activation.ts";

/** Extents of a convolution, by the letters of the kernels, which take them as constants. */
export interface Geometry {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly K: number;
  readonly R: number;
  readonly S: number;
  readonly P: number;
  readonly Q: number;
  readonly STRIDE_H: number;
  readonly STRIDE_W: number;
  readonly DILATION_H: number;
  readonly DILATION_W: number;
  readonly PAD_TOP: number;
  readonly PAD_LEFT: number;
}

/** Invocations that are worth a smaller tile or a longer split: what a GPU needs to hide its latency. */
export const ENOUGH = 1024;
/** The same for a CPU-class adapter: a workgroup for each of a few threads, then larger tiles are worth more. */
const ENOUGH_FOR_CPU = 256;
/** vec4s of depth for which a kernel has its inner loop over them. */
const DEEP = 16;

interface Tiled {
  readonly rows: number;
  readonly columns: number;
  readonly kernel: Kernel;
  /** Whether four invocations share their columns, so that row tiles come in fours. */
  readonly quad?: true;
  /** Whether it is for long depths only. */
  readonly deep?: true;
}

// Best first.
const FORWARD = [
  { rows: 8, columns: 16, kernel: conv2d_forward_tile_8x16_quad_deep, quad: true, deep: true },
  { rows: 4, columns: 16, kernel: conv2d_forward_tile_4x16_quad_flat, quad: true },
  { rows: 8, columns: 8, kernel: conv2d_forward_tile_8x8_alone_deep, deep: true },
  { rows: 8, columns: 8, kernel: conv2d_forward_tile_8x8_alone_flat },
  { rows: 4, columns: 8, kernel: conv2d_forward_tile_4x8_alone_flat },
  { rows: 4, columns: 4, kernel: conv2d_forward_tile_4x4_alone_flat },
] as const satisfies readonly Tiled[];
const GRAD_INPUT = [
  { rows: 8, columns: 16, kernel: conv2d_grad_input_tile_8x16_quad_deep, quad: true, deep: true },
  { rows: 4, columns: 16, kernel: conv2d_grad_input_tile_4x16_quad_flat, quad: true },
  { rows: 8, columns: 8, kernel: conv2d_grad_input_tile_8x8_alone_deep, deep: true },
  { rows: 8, columns: 8, kernel: conv2d_grad_input_tile_8x8_alone_flat },
  { rows: 4, columns: 8, kernel: conv2d_grad_input_tile_4x8_alone_flat },
  { rows: 4, columns: 4, kernel: conv2d_grad_input_tile_4x4_alone_flat },
] as const satisfies readonly Tiled[];
const GRAD_WEIGHT = [
  { rows: 8, columns: 16, kernel: conv2d_grad_weight_tile_8x16_quad, quad: true },
  { rows: 4, columns: 16, kernel: conv2d_grad_weight_tile_4x16_quad, quad: true },
  { rows: 8, columns: 8, kernel: conv2d_grad_weight_tile_8x8_alone },
  { rows: 4, columns: 8, kernel: conv2d_grad_weight_tile_4x8_alone },
  { rows: 4, columns: 4, kernel: conv2d_grad_weight_tile_4x4_alone },
] as const satisfies readonly Tiled[];

interface Choice<T extends Tiled> {
  readonly kernel: T["kernel"];
  /** Register tiles of the product: invocations without splits. */
  readonly tiles: number;
  readonly splits: number;
}

/** `slices` products of `rows` × `columns`, whose depth of so many vec4s may be split into at most `maxSplits`. */
interface Product {
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly maxSplits: number;
}

/** The best kernel on this device that has enough invocations and is not mostly padding. */
function choose<T extends Tiled>(
  device: Capabilities,
  candidates: readonly T[],
  product: Product,
): Choice<T> {
  const { slices, rows, columns, depth, maxSplits } = product;
  const quads = prefersQuads(device);
  const enough = quads ? ENOUGH_FOR_CPU : ENOUGH;
  const fit = candidates.filter(({ quad, deep }) => (quads || !quad) && (depth >= DEEP || !deep));
  const choices = fit.map((tile) => {
    const rowTiles = Math.ceil(rows / tile.rows);
    const tiles = slices * (tile.quad ? pad4(rowTiles) : rowTiles) * Math.ceil(columns / tile.columns);
    const splits = Math.max(1, Math.min(maxSplits, Math.ceil(enough / tiles)));
    return { kernel: tile.kernel, tiles, splits, covered: tiles * tile.rows * tile.columns };
  });
  const least = Math.min(...choices.map(({ covered }) => covered));
  return (
    choices.find(({ tiles, splits, covered }) => tiles * splits >= enough && covered <= 1.5 * least) ??
    choices.at(-1)!
  );
}

/**
 * Whether to take the kernels in which four invocations share what they load. They are right wherever there are
 * subgroups, but proven to be faster only where those are tiny: on CPU-class adapters, which load each value of
 * each invocation on its own. A GPU's cache serves a whole subgroup at once; it keeps the plain kernels until
 * they are measured there.
 */
function prefersQuads({ features, subgroupMaxSize }: Capabilities): boolean {
  return features.includes("subgroups") && subgroupMaxSize !== undefined && subgroupMaxSize <= 8;
}

/** Emits y = f(conv(x, w) + bias). */
export function emitForward(
  emit: Emitter,
  geometry: Geometry,
  tensors: { readonly x: Tensor; readonly w: Tensor; readonly bias: Tensor | undefined; readonly y: Tensor },
  activation: Activation = IDENTITY,
): void {
  const { x, w, bias, y } = tensors;
  const { N, P, Q, C, K } = geometry;
  // Only a single deep product, such as a classifier's, is worth the second pass.
  const maxSplits = isDense(geometry) ? Math.ceil(pad4(C) / 4 / 16) : 1;
  const product = { slices: 1, rows: N * P * Q, columns: K, depth: pad4(C) / 4, maxSplits };
  const { kernel, tiles, splits } = choose(emit.device, FORWARD, product);
  const sum = splits > 1 ? emit.temporary("splits", [splits, ...y.shape]) : y;
  const constants = {
    ...geometry,
    SPLITS: splits,
    HAS_BIAS: bias ? 1 : 0,
    ...activationConstants(activation),
  };
  // A kernel that does not read the bias still needs something bound.
  emit.dispatch(kernel, { x, w, bias: bias ?? w, y: sum }, constants, grid(tiles * splits, kernel));
  if (splits > 1) emitSplitSum(emit, sum, splits, { tensor: y, accumulate: 0 }, bias, activation);
}

/** Emits dx = conv-transpose(dy, w), or dx += …. */
export function emitGradInput(
  emit: Emitter,
  geometry: Geometry,
  { dy, w }: { readonly dy: Tensor; readonly w: Tensor },
  { tensor: dx, accumulate: ACCUMULATE }: GradientTarget,
): void {
  const { N, H, W, C, K, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W } = geometry;
  const phases = STRIDE_H * STRIDE_W;
  const pixels = N * Math.ceil(H / STRIDE_H) * Math.ceil(W / STRIDE_W);
  const product = { slices: phases, rows: pixels, columns: C, depth: pad4(K) / 4, maxSplits: 1 };
  const { kernel, tiles } = choose(emit.device, GRAD_INPUT, product);
  const { R, S, P, Q, PAD_TOP, PAD_LEFT } = geometry;
  const constants = {
    ...{ N, H, W, C, K, R, S, P, Q, PAD_TOP, PAD_LEFT, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W },
    TAP_STEP_H: STRIDE_H / greatestCommonDivisor(STRIDE_H, DILATION_H),
    TAP_STEP_W: STRIDE_W / greatestCommonDivisor(STRIDE_W, DILATION_W),
    ACCUMULATE,
  };
  emit.dispatch(kernel, { dy, w, dx }, constants, grid(tiles, kernel));
}

/** Emits dw = Σ over pixels of x ⊗ dy, or dw += …. */
export function emitGradWeight(
  emit: Emitter,
  geometry: Geometry,
  { x, dy }: { readonly x: Tensor; readonly dy: Tensor },
  target: GradientTarget,
): void {
  const { N, P, Q, C, K, R, S } = geometry;
  const pixels = N * P * Q;
  const product = {
    ...{ slices: R * S, rows: C, columns: K },
    ...{ depth: Math.ceil(pixels / 4), maxSplits: Math.ceil(pixels / 64) },
  };
  const { kernel, tiles, splits } = choose(emit.device, GRAD_WEIGHT, product);
  const whole = splits === 1;
  const dw = whole ? target.tensor : emit.temporary("splits", [splits, ...target.tensor.shape]);
  const constants = { ...geometry, SPLITS: splits, ACCUMULATE: whole ? target.accumulate : 0 };
  emit.dispatch(kernel, { x, dy, dw }, constants, grid(tiles * splits, kernel));
  if (!whole) emitSplitSum(emit, dw, splits, target);
}

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

/** Emits y = f(bias + Σ of the splits), or y += …. */
export function emitSplitSum(
  emit: Emitter,
  x: Tensor,
  SPLITS: number,
  { tensor: y, accumulate: ACCUMULATE }: GradientTarget,
  bias?: Tensor,
  activation: Activation = IDENTITY,
): void {
  const LENGTH = storedLength(y.shape) / 4;
  const C = y.shape.at(-1)!;
  const constants = {
    ...{ LENGTH, C, SPLITS, ACCUMULATE, HAS_BIAS: bias ? 1 : 0 },
    ...activationConstants(activation),
  };
  emit.dispatch(split_sum, { x, bias: bias ?? x, y }, constants, grid(LENGTH, split_sum));
}

const isDense = ({ R, S, P, Q, H, W, N }: Geometry): boolean =>
  R * S === 1 && N * P * Q < ENOUGH && H * W === P * Q;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

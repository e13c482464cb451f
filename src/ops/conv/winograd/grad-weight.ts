/**
 * The gradient of the weights by Winograd's tiles of 4×4 outputs: the adjoint of the convolution in winograd.ts. Tiles
 * of the input and of the output's gradient are transformed and multiplied point by point, which sums up the tiles as
 * 36 matrix products, a quarter of the plain sum's multiplications; and those are transformed back.
 */
import type { Geometry } from "../../../base/window.ts";
import type { GradientTarget } from "../../../graph/op.ts";
import { pad4, type Tensor } from "../../../graph/tensor.ts";
import { grid } from "../../../kernel/grid.ts";
import { winograd_grad_output, winograd_grad_weight } from "../../../kernel/shaders.gen.ts";
import { winograd_grad_product_variants } from "../../../kernel/variants.gen.ts";
import type { Variant } from "../../tunable.ts";
import type { GradWeightArgs } from "../conv-gradients.ts";
import { type Cost, tileVariants } from "../register-tiles.ts";
import { emitInput, fits, imagesOf, partsOf, points, TILES_4X4 as SIZE, tilesOf } from "./winograd.ts";

const POINTS = points(SIZE);

/** winograd_4x4: dw = Σ over pixels of x ⊗ dy, or dw += …. */
export const WINOGRAD_GRAD_WEIGHT: Variant<Geometry, GradWeightArgs> = {
  name: "winograd_4x4",
  error: SIZE.error,
  fits: (geometry, device) => fits(geometry, SIZE, device),
  emit(emit, whole, tensors, { tensor: dw, accumulate: ACCUMULATE }: GradientTarget) {
    const { C, K, P, Q } = whole;
    const parts = partsOf(whole, SIZE, emit.device);
    const most = tilesOf(parts[0]!.geometry, SIZE);
    const inputs = emit.temporary("winograd_inputs", [POINTS, most, C]);
    const gradients = emit.temporary("winograd_gradients", [POINTS, most, K]);
    const m = emit.temporary("winograd_products", [POINTS, pad4(C), K]);
    for (const { first, geometry } of parts) {
      const { N } = geometry;
      const tiles = tilesOf(geometry, SIZE);
      const v = emitInput(emit, geometry, SIZE, imagesOf(tensors.x, first, N), inputs);
      const z = { ...gradients, shape: [POINTS, tiles, K] };
      const dy = imagesOf(tensors.dy, first, N);
      const workgroups = grid((tiles * pad4(K)) / 4, winograd_grad_output);
      emit.dispatch(winograd_grad_output, { dy, z }, { N, P, Q, K }, workgroups);
      PRODUCTS.guess(geometry, emit.device).emit(emit, geometry, { v, z, m }, first > 0 ? 1 : 0);
    }
    const workgroups = grid((C * pad4(K)) / 4, winograd_grad_weight);
    emit.dispatch(winograd_grad_weight, { m, dw }, { C, K, ACCUMULATE }, workgroups);
  },
};

type ProductArgs = [
  tensors: { readonly v: Tensor; readonly z: Tensor; readonly m: Tensor },
  accumulate: 0 | 1,
];

/** The ways to compute the matrix products, m[t] = v[t]ᵀ · z[t] or m[t] += …. */
const PRODUCTS = tileVariants<(typeof winograd_grad_product_variants)[number], ProductArgs>(
  winograd_grad_product_variants,
  (geometry) => ({
    ...{ slices: POINTS, rows: geometry.C, columns: geometry.K },
    ...{ depth: tilesOf(geometry, SIZE), deep: true, maxSplits: 1, enoughLarge: 0 },
  }),
  (emit, geometry, { kernel, workgroups }, tensors, ACCUMULATE) => {
    const { C, K } = geometry;
    const TILES = tilesOf(geometry, SIZE);
    emit.dispatch(kernel, tensors, { T: POINTS, TILES, C, K, ACCUMULATE }, workgroups);
  },
);

/** What the products of some images would cost on a GPU. */
export const gradProductsCost: Cost = (geometry, device) => PRODUCTS.cost(geometry, device);

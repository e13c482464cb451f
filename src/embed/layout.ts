/** Between the layouts of other libraries and that of buffers here; `toPaddedOp` and `fromPaddedOp` do it on the GPU. */
import { ShapeError } from "../base/errors.ts";
import { pad, unpad } from "../graph/tensor.ts";
import { permute } from "../weights/layout.ts";

/** A shape as the library has it: (N, H, W, C) of activations, (R, S, C, K) of weights. */
type Shape = readonly [number, number, number, number];

const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent);

function check(operation: string, values: Float32Array, shape: Shape, expected: number): void {
  if (values.length !== expected) {
    throw new ShapeError(operation, `(${shape.join(", ")}) has ${expected} numbers`, `got ${values.length}`);
  }
}

const stored = ([a, b, c, d]: Shape): number => a * b * c * Math.ceil(d / 4) * 4;

/** Padded activations of shape (N, H, W, C) from values in the order N, C, H, W. Throws ShapeError for another number. */
export function fromNchw(values: Float32Array, shape: Shape): Float32Array<ArrayBuffer> {
  check("fromNchw", values, shape, sizeOf(shape));
  const [N, H, W, C] = shape;
  return pad(permute(values, [N, C, H, W], [0, 2, 3, 1]), shape);
}

/** The inverse of `fromNchw`: values in the order N, C, H, W. `shape` is (N, H, W, C). */
export function toNchw(padded: Float32Array, shape: Shape): Float32Array<ArrayBuffer> {
  check("toNchw", padded, shape, stored(shape));
  return permute(unpad(padded, shape), shape, [0, 3, 1, 2]);
}

/** A padded weight of shape (R, S, C, K) from values in torch's order K, C, R, S. Throws ShapeError for another number. */
export function fromOihw(values: Float32Array, shape: Shape): Float32Array<ArrayBuffer> {
  check("fromOihw", values, shape, sizeOf(shape));
  const [R, S, C, K] = shape;
  return pad(permute(values, [K, C, R, S], [2, 3, 1, 0]), shape);
}

/** The inverse of `fromOihw`: values in the order K, C, R, S. `shape` is (R, S, C, K). */
export function toOihw(padded: Float32Array, shape: Shape): Float32Array<ArrayBuffer> {
  check("toOihw", padded, shape, stored(shape));
  return permute(unpad(padded, shape), shape, [3, 2, 0, 1]);
}

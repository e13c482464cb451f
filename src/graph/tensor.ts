import { ShapeError } from "../base/errors.ts";
import type { Graph } from "./graph.ts";

/** `f16` is for activations and their gradients in mixed precision; all other reals are `f32`. */
export type DType = "f32" | "f16" | "i32" | "u32";

/**
 * What a storage is for; decides where it lives:
 * - `input`: written by the host before a step
 * - `constant`: written once, when the session is created
 * - `parameter`, `gradient`, `state`: arenas that outlive a step; `state` holds running statistics and
 *   the optimizer's moments
 * - `temporary`: placed by the planner, alive between its first write and its last read
 */
export type Role = "input" | "constant" | "parameter" | "gradient" | "state" | "temporary";

/** Memory that one or more tensors view. `length` counts elements, including padding. */
export interface Storage {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly dtype: DType;
  length: number;
  /** The values of a constant. */
  readonly data?: Float32Array | Int32Array | Uint32Array;
}

/**
 * A view of a storage. `shape` is the logical one: (N, H, W, C) activations, (R, S, C, K) convolution weights, (C, K)
 * dense weights, (C) vectors. In memory, the last axis of an f32 or f16 tensor is zero-padded to a multiple of 4.
 */
export interface Tensor {
  readonly graph: Graph;
  readonly name: string;
  readonly shape: readonly number[];
  readonly storage: Storage;
  /** First element within the storage. */
  readonly offset: number;
  readonly requiresGrad: boolean;
}

/** `n` rounded up to a whole number of vec4s. */
export const pad4 = (n: number): number => (n + 3) & ~3;

/** Elements a tensor of this shape takes in memory, including padding. */
export function storedLength(shape: readonly number[], dtype: DType = "f32"): number {
  let length = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis]!;
    length *= isFloat(dtype) && axis === shape.length - 1 ? pad4(extent) : extent;
  }
  return length;
}

/** Whether tensors of this type have their last axis padded. */
export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16";

/** Bytes that this many elements take. */
export const bytesOf = ({ length, dtype }: { readonly length: number; readonly dtype: DType }): number =>
  length * (dtype === "f16" ? 2 : 4);

/** A tensor's range within its storage, bytes. */
export function bytesWithin({ shape, storage: { dtype }, offset }: Tensor): {
  readonly offset: number;
  readonly size: number;
} {
  return {
    offset: bytesOf({ length: offset, dtype }),
    size: bytesOf({ length: storedLength(shape, dtype), dtype }),
  };
}

/**
 * Lays out values in logical order for the GPU: zero-pads the last axis to a multiple of 4. Gives `values` back where
 * that changes nothing.
 */
export function pad<B extends ArrayBufferLike>(
  values: Float32Array<B>,
  shape: readonly number[],
): Float32Array<B | ArrayBuffer> {
  const width = shape.at(-1)!;
  const stored = pad4(width);
  if (stored === width) return values;
  const padded = new Float32Array((values.length / width) * stored);
  for (let from = 0, to = 0; from < values.length; from += width, to += stored) {
    padded.set(values.subarray(from, from + width), to);
  }
  return padded;
}

/** The inverse of `pad`: the values of a tensor of this shape, row by row, without the zeros between. */
export function unpad<B extends ArrayBufferLike>(
  values: Float32Array<B>,
  shape: readonly number[],
): Float32Array<B | ArrayBuffer> {
  const width = shape.at(-1)!;
  const stored = pad4(width);
  if (stored === width) return values;
  const plain = new Float32Array((values.length / stored) * width);
  for (let from = 0, to = 0; from < values.length; from += stored, to += width) {
    plain.set(values.subarray(from, from + width), to);
  }
  return plain;
}

/** A tensor as error messages show it: `x (8, 28, 28, 64)`. */
export const describe = (tensor: Tensor): string => `${tensor.name} (${tensor.shape.join(", ")})`;

/** The four extents of an (N, H, W, C) tensor. Throws ShapeError, naming `operation`, for any other rank. */
export function nhwc(operation: string, x: Tensor): [number, number, number, number] {
  if (x.shape.length !== 4) {
    throw new ShapeError(operation, "expects an (N, H, W, C) tensor", describe(x));
  }
  return x.shape as readonly number[] as [number, number, number, number];
}

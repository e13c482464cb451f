/** Converts between numbers on the host and in GPU memory. */
import { type Tensor, unpad } from "../graph/tensor.ts";
import { decodeFloats, encodeHalf } from "../weights/dtypes.ts";

export type Values<B extends ArrayBufferLike = ArrayBufferLike> =
  | Float32Array<B>
  | Int32Array<B>
  | Uint32Array<B>;

/** The bytes to write to a tensor's memory; `values` include the padding. */
export const toStored = ({ storage: { dtype } }: Tensor, values: Values): ArrayBufferView<ArrayBuffer> =>
  (dtype === "f16" ? encodeHalf(values as Float32Array) : values) as ArrayBufferView<ArrayBuffer>;

/** The numbers in a tensor's bytes, in logical order. */
export function fromStored({ shape, storage: { dtype } }: Tensor, bytes: ArrayBuffer): Values<ArrayBuffer> {
  if (dtype === "i32") return new Int32Array(bytes);
  if (dtype === "u32") return new Uint32Array(bytes);
  const values = dtype === "f16" ? decodeFloats("F16", new Uint8Array(bytes)) : new Float32Array(bytes);
  return unpad(values as Float32Array<ArrayBuffer>, shape);
}

/**
 * Converts the number formats of weight files, which are little-endian: F16, BF16 and F64 to f32, and f32 to F16.
 * Machines with WebGPU are little-endian too, so wider numbers are read as views.
 */

/** Bytes of an element, by safetensors' name of its type. */
export const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  C64: 8,
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/**
 * The values of F32, F16, BF16 or F64 as f32 (F64 rounded to nearest, to infinity beyond f32's range); undefined for
 * any other type. May be a view of `bytes`.
 */
export function decodeFloats(dtype: string, bytes: Uint8Array): Float32Array | undefined {
  switch (dtype) {
    case "F32":
      return view(Float32Array, bytes);
    case "F64":
      return Float32Array.from(view(Float64Array, bytes));
    case "F16": {
      const table = halfTable();
      return Float32Array.from(view(Uint16Array, bytes), (half) => table[half]!);
    }
    case "BF16": {
      // The upper half of an f32.
      const bits = Uint32Array.from(view(Uint16Array, bytes), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    default:
      return undefined;
  }
}

/** f32 to IEEE half precision: ties to even, infinity from 65,520 up, subnormals kept, every NaN to 0x7e00. */
export function encodeHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  const word = new Float32Array(1);
  const wordBits = new Uint32Array(word.buffer);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const magnitude = bits[i]! & 0x7fffffff;
    let half: number;
    if (magnitude > 0x7f800000) half = 0x7e00;
    else if (magnitude >= 0x477ff000) half = 0x7c00;
    else if (magnitude < 0x38800000) {
      // Floats between ½ and 1 are 2⁻²⁴ apart, like subnormal halves, so the addition rounds.
      word[0] = Math.abs(values[i]!) + 0.5;
      half = wordBits[0]! - 0x3f000000;
    } else {
      // Changes the exponent's bias by 112 and drops 13 bits, rounding to nearest, ties to even.
      half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    }
    halves[i] = sign | half;
  }
  return halves;
}

let table: Float32Array | undefined;

/** The value of each of the 65,536 halves. */
function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return table;
}

/** Bytes as wider numbers: copied only if they are not aligned. */
function view<T>(
  array: {
    new (buffer: ArrayBufferLike, offset: number, length: number): T;
    readonly BYTES_PER_ELEMENT: number;
  },
  bytes: Uint8Array,
): T {
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer, aligned.byteOffset, aligned.length / array.BYTES_PER_ELEMENT);
}

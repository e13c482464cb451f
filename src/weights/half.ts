/** Floating-point numbers of 16 bits, as f32. */

/** All 65,536 values of f16, made when the first is asked for. */
let table: Float32Array | undefined;

function halves(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    let value = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    if (exponent === 31) value = fraction ? Number.NaN : Number.POSITIVE_INFINITY;
    table[bits] = bits & 0x8000 ? -value : value;
  }
  return table;
}

/** IEEE 754 half precision. */
export function float16(bits: Uint16Array): Float32Array {
  const values = halves();
  return Float32Array.from(bits, (b) => values[b]!);
}

/** bfloat16: the upper half of an f32. */
export const bfloat16 = (bits: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(bits, (b) => b << 16).buffer);

// NaN, told by its bits. Compilers may take numbers to be finite, so that v != v is false; max(NaN, 0) is 0 in hardware;
// and where exp, log and tanh are computed by clamping and a polynomial, they make a number of NaN.

const INFINITY = 0x7f800000u;  // as bits; without the sign, those of NaNs are larger

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > INFINITY;
}

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & INFINITY) != INFINITY;
}

// NaN, told by its bits. Compilers may take numbers to be finite, so that v != v is false; max(NaN, 0) is 0 in hardware;
// and where exp, log and tanh are computed by clamping and a polynomial, they make a number of NaN.

const INFINITY = 0x7f800000u;  // as bits; without the sign, those of NaNs are larger

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > INFINITY;
}

fn is_nan4(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(INFINITY);
}

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & INFINITY) != INFINITY;
}

// f(x), but x itself where that is NaN: for an f that may lose it.
fn or_nan(f: f32, x: f32) -> f32 {
  return select(f, x, is_nan(x));
}

fn or_nan4(f: vec4f, x: vec4f) -> vec4f {
  return select(f, x, is_nan4(x));
}

// Those of the language lose NaN where they are computed by clamping and a polynomial.
fn exp_or_nan(x: f32) -> f32 {
  return or_nan(exp(x), x);
}

fn log_or_nan(x: f32) -> f32 {
  return or_nan(log(x), x);
}

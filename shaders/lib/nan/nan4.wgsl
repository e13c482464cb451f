// NaN in vectors.
// use: nan

fn is_nan4(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(INFINITY);
}

// f(x), but x itself where that is NaN: for an f that may lose it.
fn or_nan4(f: vec4f, x: vec4f) -> vec4f {
  return select(f, x, is_nan4(x));
}

// Batch norm and activation of what a kernel loads, so that nobody has to write it: f((x − mean) scale + bias), where
// f(z) = z for z > 0, or else SLOPE z: identity, ReLU and leaky ReLU.
// use: nan

override SLOPE: f32;

fn normalise(x: vec4f, mean: vec4f, scale: vec4f, bias: vec4f) -> vec4f {
  let z = (x - mean) * scale + bias;
  // By their bits, from −0 to −∞: a comparison of numbers would need another to keep NaN.
  let negative = bitcast<vec4u>(z) - vec4u(0x80000000u) <= vec4u(INFINITY);
  return select(z, SLOPE * z, negative);
}

fn normalise_rows(rows: mat4x4f, mean: vec4f, scale: vec4f, bias: vec4f) -> mat4x4f {
  return mat4x4f(
    normalise(rows[0], mean, scale, bias),
    normalise(rows[1], mean, scale, bias),
    normalise(rows[2], mean, scale, bias),
    normalise(rows[3], mean, scale, bias),
  );
}

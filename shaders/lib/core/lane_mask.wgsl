// Which lanes of vec4 number `i` of a row of `c` channels hold channels and not padding. To be used by `select`: a
// product with 0 would leave NaN in the padding.
fn lane_mask(i: u32, c: u32) -> vec4<bool> {
  return vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(c);
}

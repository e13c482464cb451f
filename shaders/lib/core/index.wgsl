// Index arithmetic shared by all kernels.

// Number of the invocation in a grid of workgroups that `grid()` in src/kernel/grid.ts may have folded into
// two dimensions (a dimension holds at most 65,535 workgroups).
fn linear_id(group: vec3u, groups: vec3u, local: u32, size: u32) -> u32 {
  return (group.y * groups.x + group.x) * size + local;
}

// x rounded up to whole vec4s: the padded channel count.
fn pad4(x: u32) -> u32 {
  return (x + 3u) & ~3u;
}

// Which lanes of vec4 number `i` of a row of `c` channels hold channels and not padding. To be used by `select`: a
// product with 0 would leave NaN in the padding.
fn lane_mask(i: u32, c: u32) -> vec4<bool> {
  return vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(c);
}

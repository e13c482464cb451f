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

// y = x with the padding between its pixels taken out: y(n, k) = x(n, k / C, k % C).
//
// x         (N, PIXELS, C), PIXELS = H W
// y         (N, PIXELS C), LENGTH vec4s; padding lanes of y are zero
// dispatch  one invocation a vec4 of y
// numerics  exact
// use: index

override LENGTH: u32;
override C: u32;
override PIXELS: u32;

alias x1 = f32;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x1>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;

fn value(n: u32, k: u32) -> f32 {
  if (k >= PIXELS * C) {
    return 0.0;
  }
  return f32(x[(n * PIXELS + k / C) * pad4(C) + k % C]);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= LENGTH) {
    return;
  }
  let columns = pad4(PIXELS * C) / 4u;
  let n = i / columns;
  let k = 4u * (i % columns);
  y[i] = y4(vec4f(value(n, k), value(n, k + 1u), value(n, k + 2u), value(n, k + 3u)));
}

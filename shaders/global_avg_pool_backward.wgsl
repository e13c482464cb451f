// dx = dy / PIXELS at every pixel, or dx += ….
//
// dy        (N, C)
// dx        (N, PIXELS, C), PIXELS = H W, LENGTH vec4s; its padding is zero because that of dy is
// dispatch  one invocation a vec4 of dx
// numerics  tolerance 1e-6
// use: index

override LENGTH: u32;
override C: u32;
override PIXELS: u32;
override ACCUMULATE: u32;

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read_write> dx: array<dx4>;

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
  let columns = pad4(C) / 4u;
  var v = vec4f(dy[i / (PIXELS * columns) * columns + i % columns]) / f32(PIXELS);
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

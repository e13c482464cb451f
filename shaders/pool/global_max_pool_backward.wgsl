// dx = dy at the pixel of the maximum and 0 at the others, or dx += ….
//
// index     (N, C), as global_max_pool_forward wrote it
// dy        (N, C)
// dx        (N, PIXELS, C), LENGTH vec4s, PIXELS = H W; its padding is zero because that of dy is
// dispatch  one invocation a vec4 of dx
// numerics  exact; one f32 addition where it accumulates
// use: index

override LENGTH: u32;
override C: u32;
override PIXELS: u32;
override ACCUMULATE: u32;

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> index: array<vec4u>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;

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
  let pixel = i / columns;
  let at = pixel / PIXELS * columns + i % columns;
  var v = select(vec4f(0.0), vec4f(dy[at]), index[at] == vec4u(pixel % PIXELS));
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

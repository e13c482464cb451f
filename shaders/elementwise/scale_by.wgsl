// y = s x, or y += s x, with a factor s from memory.
//
// x, y      (…, C), LENGTH vec4s; padding lanes of y are zero, also where s is NaN
// factor    s first
// dispatch  one invocation a vec4
// numerics  tolerance 1 ulp an operation; exact where s is a power of two
// use: index, lane_mask

override LENGTH: u32;
override C: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<y4>;

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
  var v = select(vec4f(0.0), factor[0] * vec4f(x[i]), lane_mask(i % (pad4(C) / 4u), C));
  if (ACCUMULATE == 1u) {
    v += vec4f(y[i]);
  }
  y[i] = y4(v);
}

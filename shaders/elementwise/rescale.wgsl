// y = scale[c] x + offset[c], or y += …. With dy for x and offsets of 0 it is the gradient of x.
//
// x, y      (…, C), LENGTH vec4s; padding lanes of y are zero
// scale     (C)
// offset    (C); both with zeros in their padding
// dispatch  one invocation a vec4
// numerics  one f32 product and one addition; tolerance 1e-6 relative to the larger of both terms
// use: index

override LENGTH: u32;
override C: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> offset: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<y4>;

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
  let column = i % (pad4(C) / 4u);
  var v = scale[column] * vec4f(x[i]) + offset[column];
  if (ACCUMULATE == 1u) {
    v += vec4f(y[i]);
  }
  y[i] = y4(v);
}

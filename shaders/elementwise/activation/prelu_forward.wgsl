// y = x, and weight[c] x for negative x.
//
// x, y      (…, C), LENGTH vec4s
// weight    (C), or (1) where SHARED is 1
// dispatch  one invocation a vec4
// numerics  one f32 product; tolerance 1e-6 relative
// source    He et al., "Delving Deep into Rectifiers", 2015
// use: index, lane_mask, nan4, prelu_slope

override LENGTH: u32;
override C: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
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
  let column = i % (pad4(C) / 4u);
  let v = vec4f(x[i]);
  let f = or_nan4(select(negative_slope(column) * v, v, v > vec4f(0.0)), v);
  y[i] = y4(select(vec4f(0.0), f, lane_mask(column, C)));
}

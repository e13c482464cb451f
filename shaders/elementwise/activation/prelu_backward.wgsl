// dx = dy, and weight[c] dy where x is not positive, or dx += ….
//
// x, dy, dx  (…, C), LENGTH vec4s; padding lanes of dx are zero
// weight     (C), or (1) where SHARED is 1
// dispatch   one invocation a vec4
// numerics   one f32 product; tolerance 1e-6 relative
// use: index, lane_mask, nan4, prelu_slope

override LENGTH: u32;
override C: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<dy4>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx4>;

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
  let slope = or_nan4(select(negative_slope(column), vec4f(1.0), v > vec4f(0.0)), v);
  var gradient = select(vec4f(0.0), slope * vec4f(dy[i]), lane_mask(column, C));
  if (ACCUMULATE == 1u) {
    gradient += vec4f(dx[i]);
  }
  dx[i] = dx4(gradient);
}

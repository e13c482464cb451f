// dx = (dy weight − mean of dy weight − x̂ · mean of dy weight x̂) / √(variance + eps), or dx += ….
//
// x, dy, dx  (N, PIXELS, C), LENGTH vec4s; padding lanes of dx are zero
// moments    as group_norm_statistics wrote them
// weight     (C)
// means      as group_norm_backward_means wrote them
// dispatch   one invocation a vec4
// numerics   tolerance 1e-6 relative to the largest of the three terms
// use: index, lane_mask, group_moments

override LENGTH: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read> moments: array<vec4f>;
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;
@group(0) @binding(4) var<storage, read> means: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dx: array<dx4>;

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
  let column = i % columns;
  let own = groups_of(i / columns, column);
  let m = moments_of(own);
  let sum = vec4f(means[own.x].x, means[own.y].x, means[own.z].x, means[own.w].x);
  let product = vec4f(means[own.x].y, means[own.y].y, means[own.z].y, means[own.w].y);
  let normal = (vec4f(x[i]) - m.mean) * m.scale;
  var v = select(vec4f(0.0), m.scale * (vec4f(dy[i]) * weight[column] - sum - normal * product), lane_mask(column, C));
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

// y = x̂ weight[c] + bias[c],  x̂ = (x − mean) / √(variance + eps), by the moments of the group.
//
// x, y      (N, PIXELS, C), LENGTH vec4s; padding lanes of y are zero
// moments   as group_norm_statistics wrote them
// weight    (C)
// bias      (C)
// dispatch  one invocation a vec4
// numerics  tolerance 1e-6 relative to the larger of both terms
// use: index, lane_mask, group_moments

override LENGTH: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> moments: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<y4>;

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
  let m = moments_of(groups_of(i / columns, column));
  let v = (vec4f(x[i]) - m.mean) * m.scale * weight[column] + bias[column];
  y[i] = y4(select(vec4f(0.0), v, lane_mask(column, C)));
}

// means[n,g] = means of dy weight and of dy weight x̂ over a group's channels and all pixels of an image: what the gradient of x
// is without.
//
// x, dy     (N, PIXELS, C), GROUPS groups of C / GROUPS channels
// moments   as group_norm_statistics wrote them
// weight    (C)
// means     (N · GROUPS, 4): both, 0, 0; COUNT of them
// dispatch  one workgroup, or one invocation, for each image and group
// numerics  f32 sums in a fixed order; tolerance 1e-6 √elements
// use: index, group_elements
// link: reduce=workgroup | reduce=single

override COUNT: u32;

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read> moments: array<vec4f>;
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> means: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, local / REDUCE_SIZE, 64u / REDUCE_SIZE);
  let lane = local % REDUCE_SIZE;
  // Past the end, the last once more: all must come to the barriers.
  let own = min(number, COUNT - 1u);
  let elements = elements_of(own);
  let m = moments[own];
  var sum = vec4f(0.0);
  var product = vec4f(0.0);
  for (var i = lane; i < PIXELS * elements.columns; i += REDUCE_SIZE) {
    let at = place_at(elements, i);
    let lanes = own_lanes(elements, i);
    let v = vec4f(dy[at]) * weight[column_at(elements, i)];
    sum += select(vec4f(0.0), v, lanes);
    product += select(vec4f(0.0), v * ((vec4f(x[at]) - m.x) * m.y), lanes);
  }
  let sums = reduce_sum(vec4f(total(sum), total(product), 0.0, 0.0), local);
  if (lane == 0u && number < COUNT) {
    means[number] = sums / f32(PIXELS * (C / GROUPS));
  }
}

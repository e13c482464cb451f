// moments[n,g] = (mean, 1 / √(variance + EPS)) of the channels of a group, at all pixels of an image.
//
// x         (N, PIXELS, C), GROUPS groups of C / GROUPS channels
// moments   (N · GROUPS, 4): mean, scale, 0, 0; COUNT of them
// dispatch  one workgroup, or one invocation, for each image and group
// numerics  f32 sums in a fixed order, first of x and then of its squared deviations, whose own mean corrects both; tolerance
//           1e-6 √elements of the spread
// source    Wu and He, "Group Normalization", 2018; Chan, Golub and LeVeque 1979 for the corrected two passes
// use: index, group_elements
// link: reduce=workgroup | reduce=single

override COUNT: u32;
override EPS: f32;

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> moments: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, local / REDUCE_SIZE, 64u / REDUCE_SIZE);
  let lane = local % REDUCE_SIZE;
  // Past the end, the last once more: all must come to the barriers.
  let elements = elements_of(min(number, COUNT - 1u));
  let length = PIXELS * elements.columns;
  let count = f32(PIXELS * (C / GROUPS));

  var sum = vec4f(0.0);
  for (var i = lane; i < length; i += REDUCE_SIZE) {
    sum += select(vec4f(0.0), vec4f(x[place_at(elements, i)]), own_lanes(elements, i));
  }
  let mean = total(reduce_sum(sum, local)) / count;

  var deviation = vec4f(0.0);
  var squares = vec4f(0.0);
  for (var i = lane; i < length; i += REDUCE_SIZE) {
    let d = select(vec4f(0.0), vec4f(x[place_at(elements, i)]) - mean, own_lanes(elements, i));
    deviation += d;
    squares += d * d;
  }
  let means = reduce_sum(vec4f(total(deviation), total(squares), 0.0, 0.0), local) / count;
  if (lane == 0u && number < COUNT) {
    moments[number] = vec4f(mean + means.x, inverseSqrt(means.y - means.x * means.x + EPS), 0.0, 0.0);
  }
}

// of_weight[part,c] = Σ dy x̂ and of_bias[part,c] = Σ dy, over the rows of a part: the gradients of weight and bias, but for the
// sum of the parts, which is split_sum.
//
// x, dy      (ROWS, C), ROWS = N PIXELS
// moments    as group_norm_statistics wrote them
// of_weight  (PARTS, C), whose padding is without meaning
// of_bias    (PARTS, C)
// dispatch   one invocation for each part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics   sequential f32 sums of ROWS / PARTS terms; tolerance 1e-6 √ROWS
// use: index, group_moments

override ROWS: u32;
override PARTS: u32;

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read> moments: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> of_weight: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> of_bias: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let columns = pad4(C) / 4u;
  if (i >= PARTS * columns) {
    return;
  }
  let column = i % columns;
  var weight = vec4f(0.0);
  var bias = vec4f(0.0);
  for (var row = i / columns; row < ROWS; row += PARTS) {
    let m = moments_of(groups_of(row, column));
    let at = row * columns + column;
    let v = vec4f(dy[at]);
    weight += v * ((vec4f(x[at]) - m.mean) * m.scale);
    bias += v;
  }
  of_weight[i] = weight;
  of_bias[i] = bias;
}

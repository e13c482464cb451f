// t[n, k] = label[n] [k = labels[n]] + (1 − label[n]) [k = labels[partner[n]]]: what augment makes of labels.
//
// labels    i32 (N)
// drawn     N augmentations; MIX 0 reads none of them and gives one-hot rows
// t         (N, K), rows of pad4(K); padding zero
// dispatch  one invocation a vec4 of t
// numerics  one f32 addition
// use: index, lane_mask, augmentation

override N: u32;
override K: u32;
override MIX: u32;

@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read> drawn: array<Augmentation>;
@group(0) @binding(2) var<storage, read_write> t: array<vec4f>;

// 1 in the lane of vec4 number `column` that stands for `label`.
fn one_hot(label: i32, column: u32) -> vec4f {
  let lanes = 4 * i32(column) + vec4i(0, 1, 2, 3);
  return select(vec4f(0.0), vec4f(1.0), (lanes == vec4i(label)) & lane_mask(column, K));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let columns = pad4(K) / 4u;
  let n = i / columns;
  if (n >= N) {
    return;
  }
  let column = i % columns;
  var v = one_hot(labels[n], column);
  if (MIX == 1u) {
    let own = drawn[n].label;
    v = own * v + (1.0 - own) * one_hot(labels[u32(drawn[n].partner)], column);
  }
  t[i] = v;
}

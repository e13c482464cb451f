// y[split,c] = Σ x[row,c] over the rows of a split: the first pass of a sum over all pixels, the second being
// split_sum.
//
// x         (ROWS, C)
// y         (SPLITS, C)
// dispatch  one invocation for each split and vec4 of channels
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √ROWS relative to Σ |x|
// use: index

struct Shape {
  ROWS: u32,
  C: u32,
  SPLITS: u32,
}

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> shape: Shape;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let width = pad4(shape.C) / 4u;
  let split = i / width;
  if (split >= shape.SPLITS) {
    return;
  }
  let chunk = (shape.ROWS + shape.SPLITS - 1u) / shape.SPLITS;
  let end = min((split + 1u) * chunk, shape.ROWS);
  var sum = vec4f(0.0);
  for (var row = split * chunk; row < end; row++) {
    sum += vec4f(x[row * width + i % width]);
  }
  y[i] = sum;
}

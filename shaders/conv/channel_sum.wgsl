// y[split,c] = Σ x[row,c] over the rows of a split: the first pass of a sum over all pixels, the second being
// split_sum.
//
// x         (ROWS, C)
// y         (SPLITS, C)
// dispatch  one invocation for each split and vec4 of channels
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √ROWS relative to Σ |x|
// use: index

struct Args {
  ROWS: u32,
  C: u32,
  SPLITS: u32,
}

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let width = pad4(args.C) / 4u;
  let split = i / width;
  if (split >= args.SPLITS) {
    return;
  }
  let chunk = (args.ROWS + args.SPLITS - 1u) / args.SPLITS;
  let end = min((split + 1u) * chunk, args.ROWS);
  var sum = vec4f(0.0);
  for (var row = split * chunk; row < end; row++) {
    sum += vec4f(x[row * width + i % width]);
  }
  y[i] = sum;
}

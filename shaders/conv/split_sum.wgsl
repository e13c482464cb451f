// y[i] = f(bias[c] + Σ_split x[split,i]), or y += …: the second pass of a sum that was divided among SPLITS.
//
// x         (SPLITS, …, C), LENGTH vec4s a split
// bias      (C), not read where HAS_BIAS is 0
// y         (…, C); padding lanes are zero
// dispatch  one invocation a vec4 of y
// numerics  f32 sum in the order of the splits
// use: index, lane_mask, activation

struct Args {
  LENGTH: u32,
  C: u32,
  SPLITS: u32,
  HAS_BIAS: u32,
  ACCUMULATE: u32,
}

alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<y4>;
@group(0) @binding(3) var<uniform> args: Args;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= args.LENGTH) {
    return;
  }
  var v = x[i];
  for (var split = 1u; split < args.SPLITS; split++) {
    v += x[split * args.LENGTH + i];
  }
  let column = i % (pad4(args.C) / 4u);
  if (args.HAS_BIAS == 1u) {
    v += bias[column];
  }
  v = select(vec4f(0.0), activate(v), lane_mask(column, args.C));
  if (args.ACCUMULATE == 1u) {
    v += vec4f(y[i]);
  }
  y[i] = y4(v);
}

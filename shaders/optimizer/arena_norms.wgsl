// norms[k] = √ Σ squares over a range of arena_squares' sums.
//
// squares   sums of squares of chunks
// ranges    (L): first chunk, number of chunks; no chunks give 0
// norms     (L)
// dispatch  one workgroup a range
// numerics  f32 sums in a fixed order, tolerance 1e-6
// use: index, reduce_workgroup, nan

override RANGES: u32;

@group(0) @binding(0) var<storage, read> squares: array<f32>;
@group(0) @binding(1) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let k = linear_id(group, groups, 0u, 1u);
  if (k >= RANGES) {
    return;
  }
  let range = ranges[k];
  var part = 0.0;
  for (var j = local; j < range.y; j += REDUCE_SIZE) {
    part += squares[range.x + j];
  }
  let sum = reduce_sum(vec4f(part, 0.0, 0.0, 0.0), local);
  if (local == 0u) {
    norms[k] = select(sqrt(sum.x), sum.x, is_nan(sum.x));
  }
}

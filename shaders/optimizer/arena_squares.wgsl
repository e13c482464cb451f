// squares[FIRST + j] = Σ v² over chunk j of an arena of values: the first of two passes to norms.
//
// values    an arena, vec4s
// chunks    (J): number of the first vec4, number of vec4s
// squares   the sums of all arenas, this one's from FIRST on
// dispatch  one workgroup a chunk
// numerics  f32 sums in a fixed order, tolerance 1e-6
// use: index, reduce_workgroup

override CHUNKS: u32;
override FIRST: u32;

@group(0) @binding(0) var<storage, read> values: array<vec4f>;
@group(0) @binding(1) var<storage, read> chunks: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let j = linear_id(group, groups, 0u, 1u);
  if (j >= CHUNKS) {
    return;
  }
  let chunk = chunks[j];
  var part = vec4f(0.0);
  for (var i = local; i < chunk.y; i += REDUCE_SIZE) {
    let v = values[chunk.x + i];
    part += v * v;
  }
  let sum = reduce_sum(part, local);
  if (local == 0u) {
    squares[FIRST + j] = (sum.x + sum.y) + (sum.z + sum.w);
  }
}

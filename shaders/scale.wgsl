// y = SCALE x, or y += SCALE x.
//
// x, y      any shape, LENGTH vec4s
// dispatch  one invocation a vec4
// numerics  tolerance 1 ulp an operation
// use: index

override LENGTH: u32;
override SCALE: f32;
override ACCUMULATE: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

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
  var v = SCALE * x[i];
  if (ACCUMULATE == 1u) {
    v += y[i];
  }
  y[i] = v;
}

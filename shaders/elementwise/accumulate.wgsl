// y = x, or y += x: joins the gradients of a tensor that is used more than once.
//
// x, y      any shape, LENGTH vec4s
// dispatch  one invocation a vec4
// numerics  one f32 addition, tolerance 1 ulp
// use: index

override LENGTH: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;

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
  if (ACCUMULATE == 1u) {
    y[i] = y4(vec4f(y[i]) + vec4f(x[i]));
  } else {
    y[i] = y4(vec4f(x[i]));
  }
}

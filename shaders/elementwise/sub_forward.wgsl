// y = a − b, elementwise.
//
// a, b, y   any shape, LENGTH vec4s
// dispatch  one invocation a vec4
// numerics  one f32 subtraction; tolerance 1 ulp
// use: index

override LENGTH: u32;

alias a4 = vec4f;
alias b4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> a: array<a4>;
@group(0) @binding(1) var<storage, read> b: array<b4>;
@group(0) @binding(2) var<storage, read_write> y: array<y4>;

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
  y[i] = y4(vec4f(a[i]) - vec4f(b[i]));
}

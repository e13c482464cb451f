// dx = dy f'(x), or dx += …, elementwise, for the activation number ACTIVATION.
//
// x, dy, dx  LENGTH vec4s; the padding of dx is zero because that of dy is
// dispatch   one invocation a vec4
// numerics   tolerance 1e-6 relative (GELU: 2e-7 absolute from erf)
// use: index, activation

override LENGTH: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;

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
  var v = vec4f(dy[i]) * activate_gradient(vec4f(x[i]));
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

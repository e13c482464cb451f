// dz = dy f'(z), or dz += …, elementwise, with f' taken from the output y = f(z): for an activation that is fused
// into the kernel before it, so that z was never stored. ReLU, ReLU6, leaky ReLU (ALPHA > 0), tanh, sigmoid and hard
// sigmoid allow it.
//
// y, dy, dz  LENGTH vec4s; the padding of dz is zero because that of dy is
// IN_PLACE   1: dz holds dy before, and any tensor will do for dy
// dispatch   one invocation a vec4
// numerics   tolerance 1e-6 relative
// use: index, activation

override LENGTH: u32;
override ACCUMULATE: u32;
override IN_PLACE: u32;

alias y4 = vec4f;
alias dy4 = vec4f;
alias dz4 = vec4f;

@group(0) @binding(0) var<storage, read> y: array<y4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dz: array<dz4>;

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
  var v = activate_gradient_at_output(vec4f(y[i]));
  if (IN_PLACE == 1u) {
    v *= vec4f(dz[i]);
  } else {
    v *= vec4f(dy[i]);
  }
  if (ACCUMULATE == 1u) {
    v += vec4f(dz[i]);
  }
  dz[i] = dz4(v);
}

// dz = dy f'(z), or dz += …, elementwise, with f' taken from the output y = f(z): for an activation that is fused
// into the kernel before it, so that z was never stored. ReLU, leaky ReLU (ALPHA > 0), tanh and sigmoid allow it.
//
// y, dy, dz  LENGTH vec4s; the padding of dz is zero because that of dy is
// IN_PLACE   1: dz holds dy before, and any tensor will do for dy
// dispatch   one invocation a vec4
// numerics   tolerance 1e-6 relative
// use: index, activation

override LENGTH: u32;
override ACCUMULATE: u32;
override IN_PLACE: u32;

@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dz: array<vec4f>;

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
  var v = activate_gradient_at_output(y[i]);
  if (IN_PLACE == 1u) {
    v *= dz[i];
  } else {
    v *= dy[i];
  }
  if (ACCUMULATE == 1u) {
    v += dz[i];
  }
  dz[i] = v;
}

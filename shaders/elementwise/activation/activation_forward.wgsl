// y = f(x), elementwise, for the activation number ACTIVATION.
//
// x, y      (…, C), rows of pad4(C) channels, LENGTH vec4s in all; padding lanes of y are zero
// dispatch  one invocation a vec4
// numerics  tolerance 1e-6 relative (GELU: 2e-7 absolute from erf)
// use: index, lane_mask, activation

override LENGTH: u32;
override C: u32;

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
  // sigmoid(0) is not 0, so the padding is masked.
  y[i] = y4(select(vec4f(0.0), activate(vec4f(x[i])), lane_mask(i % (pad4(C) / 4u), C)));
}

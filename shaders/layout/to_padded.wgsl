// y[o, i, c] = x[o OUTER_STEP + i INNER_STEP + c STEP], or y += …: numbers without padding, in any order, into rows.
//
// x         the numbers of y one after another: NCHW or NHWC of activations, OIHW of weights
// y         (O, INNER, C), rows of pad4(C), LENGTH vec4s; padding zero
// dispatch  one invocation a vec4 of y
// numerics  a copy, or one f32 addition
// use: index

override LENGTH: u32;
override INNER: u32;
override C: u32;
override OUTER_STEP: u32;
override INNER_STEP: u32;
override STEP: u32;
override ACCUMULATE: u32;

alias x1 = f32;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x1>;
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
  let columns = pad4(C) / 4u;
  let row = i / columns;
  let c = 4u * (i % columns);
  let at = row / INNER * OUTER_STEP + row % INNER * INNER_STEP + c * STEP;
  var v = vec4f(f32(x[at]), 0.0, 0.0, 0.0);
  if (c + 1u < C) {
    v.y = f32(x[at + STEP]);
  }
  if (c + 2u < C) {
    v.z = f32(x[at + 2u * STEP]);
  }
  if (c + 3u < C) {
    v.w = f32(x[at + 3u * STEP]);
  }
  if (ACCUMULATE == 1u) {
    v += vec4f(y[i]);
  }
  y[i] = y4(v);
}

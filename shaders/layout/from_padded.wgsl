// y[o OUTER_STEP + i INNER_STEP + c STEP] = x[o, i, c], or y += …: rows, into numbers without padding, in any order.
//
// x         (OUTER, INNER, C), rows of pad4(C)
// y         OUTER · INNER · C = COUNT numbers, padded with zeros to LENGTH: NCHW, NHWC or OIHW, where the steps are the
//           products of the extents that follow
// dispatch  one invocation a number of y
// numerics  a copy, or one f32 addition
// use: index

override LENGTH: u32;
override COUNT: u32;
override OUTER: u32;
override INNER: u32;
override C: u32;
override OUTER_STEP: u32;
override INNER_STEP: u32;
override STEP: u32;
override ACCUMULATE: u32;

alias x1 = f32;
alias y1 = f32;

@group(0) @binding(0) var<storage, read> x: array<x1>;
@group(0) @binding(1) var<storage, read_write> y: array<y1>;

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
  var v = 0.0;
  if (i < COUNT) {
    let row = i / OUTER_STEP % OUTER * INNER + i / INNER_STEP % INNER;
    let c = i / STEP % C;
    v = f32(x[row * pad4(C) + c]);
    if (ACCUMULATE == 1u) {
      v += f32(y[i]);
    }
  }
  y[i] = y1(v);
}

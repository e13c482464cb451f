// y[n, p, c], or y[n, c, p] if NCHW, = x[n, p, c]; or y += …: padded NHWC, into an image without padding.
//
// x         (N, PIXELS, C), rows of pad4(C)
// y         N · PIXELS · C = COUNT numbers, padded with zeros to LENGTH
// dispatch  one invocation a number of y
// numerics  a copy, or one f32 addition
// use: index

override LENGTH: u32;
override COUNT: u32;
override PIXELS: u32;
override C: u32;
override NCHW: u32;
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
    var row = i / C;
    var c = i % C;
    if (NCHW == 1u) {
      row = i / (C * PIXELS) * PIXELS + i % PIXELS;
      c = i / PIXELS % C;
    }
    v = f32(x[row * pad4(C) + c]);
    if (ACCUMULATE == 1u) {
      v += f32(y[i]);
    }
  }
  y[i] = y1(v);
}

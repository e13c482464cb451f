// y = mean of x over all pixels.
//
// x         (N, PIXELS, C), PIXELS = H W
// y         (N, C), LENGTH vec4s
// dispatch  one invocation a vec4 of y
// numerics  four sequential f32 sums; tolerance 1e-6 √PIXELS
// use: index

override LENGTH: u32;
override C: u32;
override PIXELS: u32;

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
  let columns = pad4(C) / 4u;
  var at = i / columns * PIXELS * columns + i % columns;
  let end = at + PIXELS * columns;
  var a = vec4f(0.0);
  var b = vec4f(0.0);
  var c = vec4f(0.0);
  var d = vec4f(0.0);
  for (; at + 3u * columns < end; at += 4u * columns) {
    a += vec4f(x[at]);
    b += vec4f(x[at + columns]);
    c += vec4f(x[at + 2u * columns]);
    d += vec4f(x[at + 3u * columns]);
  }
  for (; at < end; at += columns) {
    a += vec4f(x[at]);
  }
  y[i] = y4(((a + b) + (c + d)) / f32(PIXELS));
}

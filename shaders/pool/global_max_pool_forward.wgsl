// y = max of x over all pixels, and which pixel it is.
//
// The first of equal values wins. The first NaN, if there is one, is the result.
//
// x         (N, PIXELS, C), PIXELS = H W
// y         (N, C), LENGTH vec4s; its padding is zero because that of x is
// index     (N, C), whose padding is without meaning
// dispatch  one invocation a vec4 of y
// numerics  exact
// use: index, nan4

override LENGTH: u32;
override C: u32;
override PIXELS: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;
@group(0) @binding(2) var<storage, read_write> index: array<vec4u>;

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
  let start = i / columns * PIXELS * columns + i % columns;
  var best = vec4f(x[start]);
  var pixel = vec4u(0u);
  for (var p = 1u; p < PIXELS; p++) {
    let v = vec4f(x[start + p * columns]);
    let better = ((v > best) | is_nan4(v)) & !is_nan4(best);
    best = select(best, v, better);
    pixel = select(pixel, vec4u(p), better);
  }
  y[i] = y4(best);
  index[i] = pixel;
}

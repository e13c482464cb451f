// y = x at another size, by the nearest pixel, or linearly between the four around each place.
//
// x         (N, H, W, C)
// y         (N, P, Q, C), LENGTH vec4s; its padding is zero because that of x is
// dispatch  one invocation a vec4 of y
// numerics  exact, or LINEAR: tolerance 1e-6
// source    torch.nn.functional.interpolate
// use: index, upsample

override LENGTH: u32;
override C: u32;
override H: u32;
override W: u32;
override P: u32;
override Q: u32;

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
  let image = i / (columns * Q * P) * H;
  let row = source_of(i / (columns * Q) % P, H, P);
  let column = source_of(i / columns % Q, W, Q);
  let upper = (image + row.low) * W;
  let left = column.low * columns + i % columns;
  var v = vec4f(x[upper * columns + left]);
  if (LINEAR == 1u) {
    let lower = (image + row.high) * W;
    let right = column.high * columns + i % columns;
    let above = mix(v, vec4f(x[upper * columns + right]), column.share);
    let below = mix(vec4f(x[lower * columns + left]), vec4f(x[lower * columns + right]), column.share);
    v = mix(above, below, row.share);
  }
  y[i] = y4(v);
}

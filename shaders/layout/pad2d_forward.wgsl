// y = x with pixels added around it, VALUE or those of x reflected at its edges, or taken away.
//
//   y(n, p, q, c) = x(n, p − TOP, q − LEFT, c); outside x: VALUE, or −h for h and 2 (H − 1) − h, columns likewise
//
// x         (N, H, W, C)
// y         (N, P, Q, C), LENGTH vec4s; padding lanes are zero
// TOP, LEFT rows and columns added before the first; negative: taken away
// dispatch  one invocation a vec4 of y
// numerics  exact
// use: index, lane_mask

override LENGTH: u32;
override C: u32;
override H: u32;
override W: u32;
override P: u32;
override Q: u32;
override TOP: i32;
override LEFT: i32;
override REFLECT: u32;
override VALUE: f32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;

// The place in x, along one axis, of place `p` of y; outside x for a constant.
fn place_of(p: u32, before: i32, extent: u32) -> i32 {
  let h = i32(p) - before;
  let last = i32(extent) - 1;
  return select(h, last - abs(last - abs(h)), REFLECT == 1u);
}

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
  let column = i % columns;
  let n = i / (columns * Q * P);
  let h = place_of(i / (columns * Q) % P, TOP, H);
  let w = place_of(i / columns % Q, LEFT, W);
  var v = select(vec4f(0.0), vec4f(VALUE), lane_mask(column, C));
  if (h >= 0 && h < i32(H) && w >= 0 && w < i32(W)) {
    v = vec4f(x[((n * H + u32(h)) * W + u32(w)) * columns + column]);
  }
  y[i] = y4(v);
}

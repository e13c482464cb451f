// dx = Σ dy over the places of y that show this pixel of x, or dx += …; places as in pad2d_forward: one at most, or with
// reflections up to three along each axis.
//
// dy        (N, P, Q, C)
// dx        (N, H, W, C), LENGTH vec4s; its padding is zero because that of dy is
// dispatch  one invocation a vec4 of dx
// numerics  exact, or sequential f32 sum of at most 9 terms; tolerance 1e-6
// use: index

override LENGTH: u32;
override C: u32;
override H: u32;
override W: u32;
override P: u32;
override Q: u32;
override TOP: i32;
override LEFT: i32;
override REFLECT: u32;
override ACCUMULATE: u32;

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read_write> dx: array<dx4>;

// Place number `k` of those in y, along one axis, that show place `h` of x: itself, or reflected at the first edge or at the
// last, where pixels show themselves. Outside y: none.
fn shown_at(k: u32, h: u32, before: i32, extent: u32) -> i32 {
  let at = i32(h);
  let last = i32(extent) - 1;
  if (k == 1u) {
    return select(-1, before - at, at > 0);
  }
  if (k == 2u) {
    return select(-1, before + 2 * last - at, at < last);
  }
  return before + at;
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
  let w = i / columns % W;
  let h = i / (columns * W) % H;
  let n = i / (columns * W * H);
  let places = select(1u, 3u, REFLECT == 1u);
  var sum = vec4f(0.0);
  for (var j = 0u; j < places; j++) {
    let p = shown_at(j, h, TOP, H);
    if (p < 0 || p >= i32(P)) {
      continue;
    }
    for (var k = 0u; k < places; k++) {
      let q = shown_at(k, w, LEFT, W);
      if (q >= 0 && q < i32(Q)) {
        sum += vec4f(dy[((n * P + u32(p)) * Q + u32(q)) * columns + i % columns]);
      }
    }
  }
  if (ACCUMULATE == 1u) {
    sum += vec4f(dx[i]);
  }
  dx[i] = dx4(sum);
}

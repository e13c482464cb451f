// dx(n, pixel, c) = dy(n, pixel C + c), or dx += …: the inverse of flatten_forward.
//
// dy        (N, PIXELS C), PIXELS = H W
// dx        (N, PIXELS, C), LENGTH vec4s; padding lanes of dx are zero
// dispatch  one invocation a vec4 of dx
// numerics  exact, or one f32 addition
// use: index, lane_mask

override LENGTH: u32;
override C: u32;
override PIXELS: u32;
override ACCUMULATE: u32;

alias dy1 = f32;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy1>;
@group(0) @binding(1) var<storage, read_write> dx: array<dx4>;

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
  let pixel = i / columns % PIXELS;
  let at = i / (columns * PIXELS) * pad4(PIXELS * C) + pixel * C + 4u * (i % columns);
  // Past the last channel lies the next pixel, and past the last image nothing.
  let inside = lane_mask(i % columns, C);
  let end = arrayLength(&dy) - 1u;
  let values = vec4f(f32(dy[at]), f32(dy[min(at + 1u, end)]), f32(dy[min(at + 2u, end)]), f32(dy[min(at + 3u, end)]));
  var v = select(vec4f(0.0), values, inside);
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

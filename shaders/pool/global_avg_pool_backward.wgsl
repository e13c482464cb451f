// dx = dy / PIXELS at every pixel, or dx += ….
//
// dy        (N, C)
// dx        (N, PIXELS, C), PIXELS = H W; its padding is zero because that of dy is
// dispatch  one invocation for each image, part and vec4 of channels: LENGTH = N PARTS pad4(C) / 4; part p writes
//           the pixels p, p + PARTS, …, all with one gradient
// numerics  tolerance 1e-6
// use: index

override LENGTH: u32;
override C: u32;
override PIXELS: u32;
override PARTS: u32;
override ACCUMULATE: u32;

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read_write> dx: array<dx4>;

fn store(at: u32, gradient: vec4f) {
  if (ACCUMULATE == 1u) {
    dx[at] = dx4(vec4f(dx[at]) + gradient);
  } else {
    dx[at] = dx4(gradient);
  }
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
  let stride = PARTS * columns;
  let n = i / stride;
  let first = i - n * stride;
  let v = vec4f(dy[n * columns + first % columns]) / f32(PIXELS);
  let end = (n + 1u) * PIXELS * columns;
  var at = n * PIXELS * columns + first;
  for (; at + 3u * stride < end; at += 4u * stride) {
    store(at, v);
    store(at + stride, v);
    store(at + 2u * stride, v);
    store(at + 3u * stride, v);
  }
  for (; at < end; at += stride) {
    store(at, v);
  }
}

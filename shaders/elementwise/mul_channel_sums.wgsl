// Σ over the pixels of an image of dy a, for each channel, over parts of the pixels: the gradient of a factor for each
// channel, but for the sum of the parts, which is split_sum.
//
// a, dy     (N, PIXELS, C)
// partial   (PARTS, N, C); padding lanes are zero
// dispatch  one invocation for each part, image and vec4 of channels: LENGTH = N pad4(C) / 4, PARTS times; part p takes the
//           pixels p, p + PARTS, …
// numerics  sequential f32 sums of PIXELS / PARTS terms; tolerance 1e-6 √PIXELS
// use: index

override LENGTH: u32;
override PIXELS: u32;
override C: u32;
override PARTS: u32;

alias a4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> a: array<a4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> partial: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= PARTS * LENGTH) {
    return;
  }
  let columns = pad4(C) / 4u;
  let stride = PARTS * columns;
  let image = i % LENGTH / columns * PIXELS * columns;
  let end = image + PIXELS * columns;
  var sum = vec4f(0.0);
  var other = vec4f(0.0);
  var at = image + i / LENGTH * columns + i % columns;
  for (; at + stride < end; at += 2u * stride) {
    sum += vec4f(a[at]) * vec4f(dy[at]);
    other += vec4f(a[at + stride]) * vec4f(dy[at + stride]);
  }
  if (at < end) {
    sum += vec4f(a[at]) * vec4f(dy[at]);
  }
  partial[i] = sum + other;
}

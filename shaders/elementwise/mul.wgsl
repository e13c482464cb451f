// y = a b, or y += …, elementwise: b has a's shape, or a number for each channel of an image, or one for each pixel. With
// dy for a it is the gradient of a, and with dy and a in one shape that of b.
//
// a, y      (N, PIXELS, C), LENGTH vec4s; padding lanes of y are zero
// b         ALIKE: as a; BY_CHANNEL: (N, C); BY_PIXEL: (N, PIXELS, 1)
// dispatch  one invocation a vec4 of y
// numerics  one f32 product; tolerance 1e-6 relative
// use: index, lane_mask

override LENGTH: u32;
override PIXELS: u32;
override C: u32;
override SHAPE: u32;
override ACCUMULATE: u32;

const BY_CHANNEL = 1u;
const BY_PIXEL = 2u;

alias a4 = vec4f;
alias b4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> a: array<a4>;
@group(0) @binding(1) var<storage, read> b: array<b4>;
@group(0) @binding(2) var<storage, read_write> y: array<y4>;

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
  var factor: vec4f;
  switch SHAPE {
    case BY_CHANNEL: { factor = vec4f(b[i / columns / PIXELS * columns + column]); }
    case BY_PIXEL: { factor = vec4f(f32(b[i / columns].x)); }
    default: { factor = vec4f(b[i]); }
  }
  var v = select(vec4f(0.0), vec4f(a[i]) * factor, lane_mask(column, C));
  if (ACCUMULATE == 1u) {
    v += vec4f(y[i]);
  }
  y[i] = y4(v);
}

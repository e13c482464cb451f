// t[y, x] = Σ_j w[j] pixel[first_row + y, j] / Σ_j w[j]: the first pass of a bilinear resize with antialias, along
// rows, for the columns of the crop only.
//
// place     the image and its crop, in lib/resize.wgsl
// pixels    RGBA bytes, height rows of pitch pixels
// t         (rows, W, 4), colours in 0…1; W = width of the crop
// dispatch  one invocation a pixel of t
// numerics  exact weights, f32 sum in a fixed order, tolerance 1e-6; no rounding to bytes between the passes
// source    the triangle filter of PIL and of torchvision's antialias=True
// use: index, resize

override W: u32;

@group(0) @binding(0) var<storage, read> place: Placement;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read_write> t: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let y = i / W;
  if (y >= place.rows) {
    return;
  }
  let resized = place.resized_width;
  let under = window(i % W + place.left, place.width, resized);
  let start = (place.first_row + y) * place.pitch;
  var sum = vec4f(0.0);
  var weights = 0.0;
  for (var j = under.first; j < under.end; j++) {
    let w = window_weight(under, j, resized);
    sum += w * unpack4x8unorm(pixels[start + j]);
    weights += w;
  }
  t[i] = sum / weights;
}

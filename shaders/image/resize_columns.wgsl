// y[slot, p, q] = M (Σ_j w[j] t[j, q] / Σ_j w[j]): the second pass of a bilinear resize with antialias, along
// columns, with crop and normalisation, straight into an image of a batch.
//
// place     the image and its crop, in lib/resize.wgsl
// colour    M: four vectors, y = r M[0] + g M[1] + b M[2] + M[3], zero in the lanes that y pads
// t         (rows, W, 4), colours in 0…1, as resize_rows makes it
// y         (N, H, W, C), C ≤ 4, rows of 4; only image number `slot` is written
// dispatch  one invocation a pixel of one image
// numerics  exact weights, f32 sums in a fixed order, tolerance 1e-6 of max(1, 1/std)
// use: index, resize

override H: u32;
override W: u32;

@group(0) @binding(0) var<storage, read> place: Placement;
@group(0) @binding(1) var<storage, read> colour: array<vec4f>;
@group(0) @binding(2) var<storage, read> t: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= H * W) {
    return;
  }
  let resized = place.resized_height;
  let under = window(i / W + place.top, place.height, resized);
  let column = i % W;
  var sum = vec4f(0.0);
  var weights = 0.0;
  for (var j = under.first; j < under.end; j++) {
    let w = window_weight(under, j, resized);
    sum += w * t[(j - place.first_row) * W + column];
    weights += w;
  }
  let v = sum / weights;
  y[place.slot * H * W + i] = v.r * colour[0] + v.g * colour[1] + v.b * colour[2] + colour[3];
}

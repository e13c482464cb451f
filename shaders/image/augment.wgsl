// y[n] = own[n] f(x[n]) + (1 − own[n]) f(x[partner[n]]), but f(x[partner[n]]) within a pasted rectangle. As `drawn`
// says, f shifts an image, mirrors it, changes its colours and erases a rectangle:
//
//   colours  v ← brightness v;  v ← contrast v + (1 − contrast) mean;  v ← saturation v + (1 − saturation) grey(v)
//
// x, y      (N, H, W, C), C ≤ 4; beyond the edge of an image it is black, and what is erased is 0 when normalised
// normal    mean and std by which x was normalised, a vec4 each; std is 1 in the padding
// drawn     N augmentations
// JITTER    0: no colours change, and pixels are copied bit for bit
// MIX       0: images have no partners
// dispatch  one invocation a pixel
// numerics  tolerance 1e-6 of the largest colour over std
// source    DiffAugment for grey as the plain mean of the channels: Zhao et al., NeurIPS 2020
// use: index, lane_mask, augmentation

override N: u32;
override H: u32;
override W: u32;
override C: u32;
override JITTER: u32;
override MIX: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> normal: array<vec4f>;
@group(0) @binding(2) var<storage, read> drawn: array<Augmentation>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

// Pixel (p, q) of f(x[n]).
fn pixel(n: u32, p: u32, q: u32) -> vec4f {
  let a = drawn[n];
  if (inside(a.erase, vec2f(f32(p), f32(q)))) {
    return vec4f(0.0);
  }
  let from_row = i32(p) + i32(a.shift.x);
  let from_column = select(i32(q), i32(W - 1u - q), a.flip > 0.0) + i32(a.shift.y);
  let exists = from_row >= 0 && from_row < i32(H) && from_column >= 0 && from_column < i32(W);
  var z = -normal[0] / normal[1];
  if (exists) {
    z = x[(n * H + u32(from_row)) * W + u32(from_column)];
  }
  if (JITTER == 0u) {
    return z;
  }
  var v = a.brightness * (z * normal[1] + normal[0]);
  v = mix(vec4f(a.brightness * a.mean), v, a.contrast);
  v = mix(vec4f(grey(v, C)), v, a.saturation);
  return select(vec4f(0.0), (v - normal[0]) / normal[1], lane_mask(0u, C));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= N * H * W) {
    return;
  }
  let n = i / (H * W);
  let p = i / W % H;
  let q = i % W;
  var v = pixel(n, p, q);
  if (MIX == 1u) {
    let a = drawn[n];
    let own = select(a.own, 0.0, inside(a.paste, vec2f(f32(p), f32(q))));
    if (own < 1.0) {
      v = own * v + (1.0 - own) * pixel(u32(a.partner), p, q);
    }
  }
  y[i] = v;
}

// drawn[n] = the random choices for image n, as functions of (n, step, LAYER, seed), where n counts from the first
// image of the batch, also where this is a micro-batch of it. Partners are of the same micro-batch.
//
// x         (N, H, W, C), C ≤ 4; read only where CONTRAST > 0
// normal    mean and std by which x was normalised, a vec4 each; std is 1 in the padding
// drawn     N augmentations
// CROP      shifts are whole numbers from −CROP to CROP
// FLIP      probability
// BRIGHTNESS, CONTRAST, SATURATION  factors are uniform in 1 ± this
// ERASE     probability; the rectangle covers 2 to 33 % of the image, its aspect 0.3 to 3.3
// MIXUP, CUTMIX  α of the share λ ~ Beta(α, α), 0 for neither; where both are given, a coin decides for each image
// dispatch  one workgroup an image
// numerics  the mean is an f32 sum in a fixed order, tolerance 1e-6; shares 1e-5
// source    Beta(α, α) for α ≤ 1: Jöhnk, Metrika 8, 1964. Erasing: Zhong et al., AAAI 2020. Cutmix: Yun et al.,
//           ICCV 2019, with λ as the share of the pixels. Mixup: Zhang et al., ICLR 2018
// use: index, random, live, reduce_workgroup, augmentation

override N: u32;
override H: u32;
override W: u32;
override C: u32;
override CROP: u32;
override FLIP: f32;
override BRIGHTNESS: f32;
override CONTRAST: f32;
override SATURATION: f32;
override ERASE: f32;
override MIXUP: f32;
override CUTMIX: f32;
override LAYER: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> normal: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> drawn: array<Augmentation>;

// Four uniform numbers in [0, 1), the `i`-th of image n.
fn draw(n: u32, i: u32) -> vec4f {
  return uniform4(pcg4d(vec4u(32u * (live.first + n) + i, live.step, LAYER, live.seed)));
}

// The rectangle of these extents with its top left corner at `place` of the room that there is.
fn rectangle(extents: vec2f, place: vec2f) -> vec4f {
  let start = floor(place * (vec2f(f32(H), f32(W)) - extents + 1.0));
  return vec4f(start, start + extents);
}

fn share(n: u32, alpha: f32) -> f32 {
  for (var i = 8u; i < 24u; i++) {
    let v = pow(1.0 - draw(n, i).xy, vec2f(1.0 / alpha));
    let sum = v.x + v.y;
    if (sum > 0.0 && sum <= 1.0) {
      return v.x / sum;
    }
  }
  return 1.0;
}

fn mean_grey(n: u32, local: u32) -> f32 {
  var part = 0.0;
  for (var p = local; p < H * W; p += REDUCE_SIZE) {
    part += grey(x[n * H * W + p] * normal[1] + normal[0], C);
  }
  return reduce_sum(vec4f(part, 0.0, 0.0, 0.0), local).x / f32(H * W);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let n = linear_id(group, groups, 0u, 1u);
  if (n >= N) {
    return;
  }
  var a: Augmentation;
  if (CONTRAST > 0.0) {
    a.mean = mean_grey(n, local);
  }
  if (local > 0u) {
    return;
  }
  let framing = draw(n, 0u);
  let range = f32(2u * CROP + 1u);
  a.shift = floor(framing.xy * range) - f32(CROP);
  a.flip = select(0.0, 1.0, framing.z < FLIP);
  let colour = 2.0 * draw(n, 1u) - 1.0;
  a.brightness = 1.0 + BRIGHTNESS * colour.x;
  a.contrast = 1.0 + CONTRAST * colour.y;
  a.saturation = 1.0 + SATURATION * colour.z;

  let size = vec2f(f32(H), f32(W));
  let hole = draw(n, 2u);
  if (framing.w < ERASE) {
    let area = f32(H * W) * mix(0.02, 0.33, hole.x);
    let aspect = exp(log(3.3) * (2.0 * hole.y - 1.0));
    let extents = round(sqrt(area * vec2f(aspect, 1.0 / aspect)));
    a.erase = rectangle(clamp(extents, vec2f(1.0), size), hole.zw);
  }

  a.partner = f32(n);
  a.own = 1.0;
  a.label = 1.0;
  if (MIXUP > 0.0 || CUTMIX > 0.0) {
    let other = draw(n, 3u);
    a.partner = f32((n + 1u + u32(other.x * f32(max(N, 2u) - 1u))) % N);
    if (MIXUP > 0.0 && (CUTMIX == 0.0 || other.y < 0.5)) {
      a.own = share(n, MIXUP);
      a.label = a.own;
    } else {
      let extents = round(size * sqrt(1.0 - share(n, CUTMIX)));
      a.paste = rectangle(extents, other.zw);
      a.label = 1.0 - extents.x * extents.y / f32(H * W);
    }
  }
  drawn[n] = a;
}

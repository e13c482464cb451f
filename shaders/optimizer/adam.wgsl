// A step t of Adam over an arena of parameters p with gradients g, learning rate η and weight decay λ:
//
//   g = clip(g) + λ p                                  (DECOUPLED 0: Adam with L2 regularisation)
//   p = p − η λ p                                      (DECOUPLED 1: AdamW)
//   m = β₁ m + (1−β₁) g      v = β₂ v + (1−β₂) g²
//   p = p − η m / (1−β₁ᵗ) / (√(v / (1−β₂ᵗ)) + ε)
//
// gradients, parameters, first (m), second (v)  LENGTH vec4s, in blocks of 16; zeros between the parameters stay zero
// groups     (scale of the learning rate, λ) for each 64 floats
// norms      the global norm of the gradients first; read only where MAX_NORM > 0, and where it is not finite,
//            everything stays as it is
// unscale    what to multiply gradients by, or 0 to leave everything as it is; steps that were left so before
// non_finite flags: a gradient or the norm was not finite; a new weight or moment was not
// dispatch   one invocation for four vec4s
// numerics   1−β and log β come from the host in full precision, for 1−0.999ᵗ in f32 would keep 4 digits;
//            tolerance 2e-6 η a step
// source     Kingma and Ba 2015; Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019
// use: index, live, clip, arena_block

override LENGTH: u32;
override BETA1: f32;
override BETA2: f32;
override ONE_MINUS_BETA1: f32;
override ONE_MINUS_BETA2: f32;
override LOG_BETA1: f32;
override LOG_BETA2: f32;
override EPSILON: f32;
override DECOUPLED: u32;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read> groups: array<vec2f>;
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read> unscale: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> second: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> non_finite: array<atomic<u32>>;

// 1 − exp(x) for x ≤ 0; by its series where the subtraction would cancel.
fn one_minus_exp(x: f32) -> f32 {
  if (x > -0.1) {
    return -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  }
  return 1.0 - exp(x);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let start = first_in_block(linear_id(workgroup_id, workgroups, local, 64u));
  let factor = unscale[0];
  if (start >= LENGTH || factor == 0.0 || !can_clip(norms[0])) {
    return;
  }
  let group = groups[start >> 4u];
  let rate = live.learning_rate * group.x;
  let t = f32(live.step) - unscale[1];
  let stride = rate / one_minus_exp(t * LOG_BETA1);
  let correction = sqrt(one_minus_exp(t * LOG_BETA2));
  for (var i = start; i < start + 16u; i += 4u) {
    var p = parameters[i];
    var g = clip(factor * gradients[i], norms[0]);
    look_at_gradient(g);
    if (DECOUPLED == 1u) {
      p -= rate * group.y * p;
    } else {
      g += group.y * p;
    }
    let m = BETA1 * first[i] + ONE_MINUS_BETA1 * g;
    let v = BETA2 * second[i] + ONE_MINUS_BETA2 * g * g;
    first[i] = m;
    second[i] = v;
    let root = sqrt(v) / correction + EPSILON;
    p -= stride * m / root;
    parameters[i] = p;
    look_at_weight(p);
    look_at_weight(v);
  }
  raise_flags();
}

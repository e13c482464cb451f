// A step of stochastic gradient descent over an arena of parameters p with gradients g, learning rate η,
// weight decay λ, momentum μ and dampening τ:
//
//   d = clip(g) + λ p      b = μ b + (1−τ) d  (b = d in step 1)      p = p − η (d + μ b  if NESTEROV, else b)
//
// gradients, parameters, momentum  LENGTH vec4s, in blocks of 16; zeros between the parameters stay zero
// groups     (scale of the learning rate, λ) for each 64 floats
// norms      the global norm of the gradients first; read only where MAX_NORM > 0, and where it is not finite,
//            everything stays as it is
// unscale    what to multiply gradients by, or 0 to leave everything as it is; steps that were left so before
// non_finite flags: a gradient or the norm was not finite; a new weight or moment was not
// entries    main; without_momentum, for μ = 0, reads and writes no b
// dispatch   one invocation for four vec4s
// numerics   tolerance 1e-6 a step
// source     Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013
// use: index, live, clip, arena_block

override LENGTH: u32;
override MOMENTUM: f32;
override DAMPENING: f32;
override NESTEROV: u32;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read> groups: array<vec2f>;
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read> unscale: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> non_finite: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> momentum: array<vec4f>;

fn store(i: u32, p: vec4f, g: vec4f) {
  parameters[i] = p;
  look_at_gradient(g);
  look_at_weight(p);
}

fn update(i: u32, group: vec2f, factor: f32, share: f32) {
  let p = parameters[i];
  let g = clip(factor * gradients[i], norms[0]);
  let d = g + group.y * p;
  let b = MOMENTUM * momentum[i] + share * d;
  momentum[i] = b;
  let direction = select(b, d + MOMENTUM * b, NESTEROV == 1u);
  store(i, p - live.learning_rate * group.x * direction, g);
}

fn update_without_momentum(i: u32, group: vec2f, factor: f32) {
  let p = parameters[i];
  let g = clip(factor * gradients[i], norms[0]);
  store(i, p - live.learning_rate * group.x * (g + group.y * p), g);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = first_in_block(linear_id(workgroup_id, workgroups, local, 64u));
  let factor = unscale[0];
  if (i >= LENGTH || factor == 0.0 || !can_clip(norms[0])) {
    return;
  }
  let group = groups[i >> 4u];
  let share = select(1.0 - DAMPENING, 1.0, live.step - u32(unscale[1]) == 1u);
  update(i, group, factor, share);
  update(i + 4u, group, factor, share);
  update(i + 8u, group, factor, share);
  update(i + 12u, group, factor, share);
  raise_flags();
}

@compute @workgroup_size(64)
fn without_momentum(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = first_in_block(linear_id(workgroup_id, workgroups, local, 64u));
  let factor = unscale[0];
  if (i >= LENGTH || factor == 0.0 || !can_clip(norms[0])) {
    return;
  }
  let group = groups[i >> 4u];
  update_without_momentum(i, group, factor);
  update_without_momentum(i + 4u, group, factor);
  update_without_momentum(i + 8u, group, factor);
  update_without_momentum(i + 12u, group, factor);
  raise_flags();
}

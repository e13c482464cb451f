// A step of stochastic gradient descent over an arena of parameters p with gradients g, learning rate η,
// weight decay λ, momentum μ and dampening τ:
//
//   d = clip(g) + λ p      b = μ b + (1−τ) d  (b = d in step 1)      p = p − η (d + μ b  if NESTEROV, else b)
//
// gradients, parameters, momentum  LENGTH vec4s, in blocks of 16; zeros between the parameters stay zero
// groups     (scale of the learning rate, λ) for each 64 floats
// norms      the global norm of the gradients first; read only where MAX_NORM > 0
// unscale    what to multiply gradients by, or 0 to leave everything as it is; steps that were left so before
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
@group(0) @binding(5) var<storage, read_write> momentum: array<vec4f>;

fn update(i: u32, group: vec2f, factor: f32, share: f32) {
  let p = parameters[i];
  let d = clip(factor * gradients[i], norms[0]) + group.y * p;
  let b = MOMENTUM * momentum[i] + share * d;
  momentum[i] = b;
  let direction = select(b, d + MOMENTUM * b, NESTEROV == 1u);
  parameters[i] = p - live.learning_rate * group.x * direction;
}

fn update_without_momentum(i: u32, group: vec2f, factor: f32) {
  let p = parameters[i];
  let d = clip(factor * gradients[i], norms[0]) + group.y * p;
  parameters[i] = p - live.learning_rate * group.x * d;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = first_in_block(linear_id(workgroup_id, workgroups, local, 64u));
  let factor = unscale[0];
  if (i >= LENGTH || factor == 0.0) {
    return;
  }
  let group = groups[i >> 4u];
  let share = select(1.0 - DAMPENING, 1.0, live.step - u32(unscale[1]) == 1u);
  update(i, group, factor, share);
  update(i + 4u, group, factor, share);
  update(i + 8u, group, factor, share);
  update(i + 12u, group, factor, share);
}

@compute @workgroup_size(64)
fn without_momentum(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = first_in_block(linear_id(workgroup_id, workgroups, local, 64u));
  let factor = unscale[0];
  if (i >= LENGTH || factor == 0.0) {
    return;
  }
  let group = groups[i >> 4u];
  update_without_momentum(i, group, factor);
  update_without_momentum(i + 4u, group, factor);
  update_without_momentum(i + 8u, group, factor);
  update_without_momentum(i + 12u, group, factor);
}

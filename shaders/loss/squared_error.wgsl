// d = prediction − target, for mean squared error: partial sums of d², and dprediction = 2 d SCALE.
//
// prediction, target, dprediction  any shape, LENGTH vec4s, equal padding; the padding of dprediction is zero
// partials   Σ d² of each 1,024 vec4s
// SCALE      1 / number of elements, without padding
// entries    main; with_gradient also writes dprediction
// dispatch   one workgroup a partial sum
// numerics   f32 sums in a fixed order, tolerance 1e-6
// use: index, reduce_workgroup

override LENGTH: u32;
override PARTS: u32;
override SCALE: f32;

@group(0) @binding(0) var<storage, read> prediction: array<vec4f>;
@group(0) @binding(1) var<storage, read> target_values: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<storage, read_write> dprediction: array<vec4f>;

const CHUNK = 1024u;

fn store_partial(part: u32, squares: vec4f, local: u32) {
  let sum = reduce_sum(squares, local);
  if (local == 0u) {
    partials[part] = (sum.x + sum.y) + (sum.z + sum.w);
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let part = linear_id(group, groups, 0u, 1u);
  if (part >= PARTS) {
    return;
  }
  let end = min(LENGTH, (part + 1u) * CHUNK);
  var squares = vec4f(0.0);
  for (var i = part * CHUNK + local; i < end; i += REDUCE_SIZE) {
    let d = prediction[i] - target_values[i];
    squares += d * d;
  }
  store_partial(part, squares, local);
}

@compute @workgroup_size(64)
fn with_gradient(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let part = linear_id(group, groups, 0u, 1u);
  if (part >= PARTS) {
    return;
  }
  let end = min(LENGTH, (part + 1u) * CHUNK);
  var squares = vec4f(0.0);
  for (var i = part * CHUNK + local; i < end; i += REDUCE_SIZE) {
    let d = prediction[i] - target_values[i];
    squares += d * d;
    dprediction[i] = 2.0 * SCALE * d;
  }
  store_partial(part, squares, local);
}

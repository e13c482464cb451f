// l = w · loss(prediction, target) of each element: partial sums of l, and dprediction = share · SCALE · ∂l/∂prediction,
// where share is 1 but for a micro-batch.
//
// prediction, target, dprediction  any shape (…, C), LENGTH vec4s; the padding of dprediction is zero
// weights, pos_weights  w and that of lib/core/losses: of that shape, or (C) for all rows. Their padding is zero, which
//            is what leaves padding out: of zeros, every loss is finite
// partials   Σ l of each 1,024 vec4s
// SCALE      1 / number of elements, without padding
// entries    main; with_gradient also writes dprediction
// dispatch   one workgroup a partial sum
// numerics   f32 sums in a fixed order, tolerance 1e-6
// use: index, reduce_workgroup, live, losses

override LENGTH: u32;
override PARTS: u32;
override WEIGHTS: u32;      // vec4s
override POS_WEIGHTS: u32;  // vec4s
override SCALE: f32;

@group(0) @binding(0) var<storage, read> prediction: array<vec4f>;
@group(0) @binding(1) var<storage, read> target_values: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read> pos_weights: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<storage, read_write> dprediction: array<vec4f>;

const CHUNK = 1024u;

fn loss_at(i: u32) -> ElementLoss {
  let loss = element_loss(prediction[i], target_values[i], pos_weights[i % POS_WEIGHTS]);
  let w = weights[i % WEIGHTS];
  return ElementLoss(w * loss.value, w * loss.slope);
}

fn store_partial(part: u32, losses: vec4f, local: u32) {
  let sum = reduce_sum(losses, local);
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
  var losses = vec4f(0.0);
  for (var i = part * CHUNK + local; i < end; i += REDUCE_SIZE) {
    losses += loss_at(i).value;
  }
  store_partial(part, losses, local);
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
  var losses = vec4f(0.0);
  for (var i = part * CHUNK + local; i < end; i += REDUCE_SIZE) {
    let loss = loss_at(i);
    losses += loss.value;
    dprediction[i] = live.share * SCALE * loss.slope;
  }
  store_partial(part, losses, local);
}

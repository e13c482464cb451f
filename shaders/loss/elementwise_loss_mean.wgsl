// Joins the partial sums of elementwise_loss: loss = [Σ / COUNT, Σ, COUNT].
//
// partials  PARTS sums of losses
// loss      3 numbers, padded with a zero
// dispatch  one workgroup
// numerics  f32 sum in a fixed order, tolerance 1e-6
// use: reduce_workgroup

override PARTS: u32;
override COUNT: f32;

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  var part = 0.0;
  for (var i = local; i < PARTS; i += REDUCE_SIZE) {
    part += partials[i];
  }
  let sum = reduce_sum(vec4f(part, 0.0, 0.0, 0.0), local).x;
  if (local == 0u) {
    loss[0] = vec4f(sum / COUNT, sum, COUNT, 0.0);
  }
}

// y = exp(x − max x) / Σ exp(x − max x), along the rows of x.
//
// x, y      (N, K), rows of pad4(K); the padding of y is zero
// dispatch  one workgroup a row
// numerics  f32 sums in a fixed order; tolerance 1e-6; a NaN in a row makes all of it NaN
// use: index, reduce_workgroup, exp_log

override N: u32;
override K: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = linear_id(group, groups, 0u, 1u);
  if (row >= N) {
    return;
  }
  let start = row * pad4(K);
  var candidate = vec2f(-3.4e38, 0.0);
  for (var c = local; c < K; c += REDUCE_SIZE) {
    candidate.x = max(candidate.x, x[start + c]);
  }
  let largest = reduce_argmax(candidate, local).x;
  var part = 0.0;
  for (var c = local; c < K; c += REDUCE_SIZE) {
    part += exp_or_nan(x[start + c] - largest);
  }
  let scale = 1.0 / reduce_sum(vec4f(part, 0.0, 0.0, 0.0), local).x;
  for (var c = local; c < pad4(K); c += REDUCE_SIZE) {
    y[start + c] = select(0.0, scale * exp_or_nan(x[start + c] - largest), c < K);
  }
}

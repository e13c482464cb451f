// dx = y (dy − Σ_c dy[c] y[c]), or dx += …, along the rows of the softmax y.
//
// y, dy, dx  (N, K), rows of pad4(K); the padding of dx is zero
// dispatch   one workgroup a row
// numerics   f32 sum in a fixed order; tolerance 1e-6
// use: index, reduce_workgroup

override N: u32;
override K: u32;
override ACCUMULATE: u32;

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

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
  let end = start + pad4(K);
  var part = 0.0;
  for (var i = start + local; i < end; i += REDUCE_SIZE) {
    part += dy[i] * y[i];
  }
  let mean = reduce_sum(vec4f(part, 0.0, 0.0, 0.0), local).x;
  for (var i = start + local; i < end; i += REDUCE_SIZE) {
    var d = select(0.0, y[i] * (dy[i] - mean), i < start + K);
    if (ACCUMULATE == 1u) {
      d += dx[i];
    }
    dx[i] = d;
  }
}

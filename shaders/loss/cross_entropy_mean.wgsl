// Joins the rows of cross_entropy_rows: loss = [mean, mean × W, W, correct, counted].
//
// rows      (N, 4): loss / W, weight, correct, counted
// loss      5 numbers, padded with zeros to 8; W = Σ weight
// dispatch  one workgroup
// numerics  f32 sums in a fixed order, tolerance 1e-7 √N; counts are exact up to 2^24
// link: reduce=workgroup | reduce=single

override N: u32;

@group(0) @binding(0) var<storage, read> rows: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> loss: array<vec4f>;

@compute @workgroup_size(REDUCE_SIZE)
fn main(@builtin(local_invocation_index) local: u32) {
  var part = vec4f(0.0);
  for (var n = local; n < N; n += REDUCE_SIZE) {
    part += rows[n];
  }
  let sum = reduce_sum(part, local);
  if (local == 0u) {
    loss[0] = vec4f(sum.x, sum.x * sum.y, sum.yz);
    loss[1] = vec4f(sum.w, 0.0, 0.0, 0.0);
  }
}

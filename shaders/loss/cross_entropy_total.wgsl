// W = Σ w[label], over the labels that count: what the mean of cross_entropy_rows divides by.
//
// labels         i32 (N); IGNORED and what is no class does not count
// class_weights  f32 (K)
// total          W, one number
// dispatch       one workgroup
// numerics       f32 sum in a fixed order, tolerance 1e-7 √N
// link: reduce=workgroup | reduce=single

override N: u32;
override K: u32;
override IGNORED: i32;

@group(0) @binding(0) var<storage, read> labels: array<i32>;
@group(0) @binding(1) var<storage, read> class_weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> total: array<f32>;

@compute @workgroup_size(REDUCE_SIZE)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var n = local; n < N; n += REDUCE_SIZE) {
    let label = labels[n];
    if (label != IGNORED && label >= 0 && label < i32(K)) {
      sum += class_weights[label];
    }
  }
  let all = reduce_sum(vec4f(sum, 0.0, 0.0, 0.0), local);
  if (local == 0u) {
    total[0] = all.x;
  }
}

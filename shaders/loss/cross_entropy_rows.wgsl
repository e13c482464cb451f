// Softmax, cross-entropy and its gradient for one row of logits z a workgroup. With p = softmax(z), y the
// label, w the class weights, ε = SMOOTHING and W the sum of the weights of the labels that count:
//
//   loss  = (1−ε) w[y] (−log p[y]) + ε/K Σ_c w[c] (−log p[c])
//   dz[c] = ( (1−ε) w[y] (p[c] − [c = y]) + ε/K (p[c] Σ w − w[c]) ) share / W
//
// where share is 1 but for a micro-batch.
//
// logits, dlogits  (N, K), rows of pad4(K); the padding of dlogits is zero
// labels           i32 (N); an IGNORED row contributes nothing. A label that is neither that nor a class
//                  makes the loss NaN and its own gradient zero.
// class_weights    f32 (K)
// total            W; where it is 0 nothing counts, and losses and gradients are 0
// rows             (N, 4): loss / W, weight w[y], 1 where the largest logit is the label's, 1 where it counts; a row
//                  of logits with a NaN has a loss and gradients of NaN and no largest logit
// dispatch         one workgroup a row
// numerics         the largest logit is subtracted first; f32 sums in a fixed order; tolerance 1e-6
// source           label smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2016, §7
// use: index, live, nan, exp_log
// link: reduce=workgroup | reduce=single

override N: u32;
override K: u32;
override IGNORED: i32;
override SMOOTHING: f32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> class_weights: array<f32>;
@group(0) @binding(3) var<storage, read> total: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;

// What the gradient needs of a row.
struct Row {
  largest: f32,
  sum: f32,         // Σ exp(z − largest)
  hard: f32,        // (1−ε) w[y] / W
  soft: f32,        // ε/K / W
  all_weights: f32, // Σ w
}

fn loss_of_row(row: u32, local: u32) -> Row {
  let start = row * pad4(K);
  var candidate = vec2f(-3.4e38, f32(K));
  for (var c = local; c < K; c += REDUCE_SIZE) {
    let z = logits[start + c];
    if (z > candidate.x) {
      candidate = vec2f(z, f32(c));
    }
  }
  let best = reduce_argmax(candidate, local);

  var part = vec4f(0.0);
  for (var c = local; c < K; c += REDUCE_SIZE) {
    let z = logits[start + c] - best.x;
    let w = class_weights[c];
    part += vec4f(exp_or_nan(z), w * z, w, select(0.0, 1.0, is_nan(z)));
  }
  let sums = reduce_sum(part, local);

  let label = labels[row];
  let is_class = label >= 0 && label < i32(K);
  let counts = label != IGNORED && is_class;
  let y = select(0u, u32(label), counts);
  let weight = select(0.0, class_weights[y], counts);
  let scale = select(0.0, 1.0 / total[0], counts && (total[0] > 0.0 || is_nan(total[0])));
  let hard = (1.0 - SMOOTHING) * weight * scale;
  let soft = SMOOTHING / f32(K) * scale;
  if (local == 0u) {
    let log_sum = log_or_nan(sums.x);
    var loss = hard * (log_sum - (logits[start + y] - best.x));
    if (SMOOTHING > 0.0) {
      // Infinite where a logit is −∞; without smoothing such a class has no part in the loss.
      loss += soft * (log_sum * sums.z - sums.y);
    }
    loss = select(0.0, loss, counts);
    if (label != IGNORED && !is_class) {
      // Not a constant expression, since WGSL has no NaN among those.
      loss = bitcast<f32>(0x7fc00000u | (u32(label) & 1u));
    }
    let correct = select(0.0, 1.0, counts && u32(best.y) == y && sums.w == 0.0);
    rows[row] = vec4f(loss, weight, correct, select(0.0, 1.0, counts));
  }
  return Row(best.x, sums.x, hard, soft, sums.z);
}

@compute @workgroup_size(REDUCE_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = linear_id(group, groups, 0u, 1u);
  if (row < N) {
    _ = loss_of_row(row, local);
  }
}

@compute @workgroup_size(REDUCE_SIZE)
fn with_gradient(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = linear_id(group, groups, 0u, 1u);
  if (row >= N) {
    return;
  }
  let r = loss_of_row(row, local);
  let start = row * pad4(K);
  let label = labels[row];
  let slope = (r.hard + r.soft * r.all_weights) / r.sum;
  for (var c = local; c < pad4(K); c += REDUCE_SIZE) {
    var d = 0.0;
    if (c < K && (r.hard + r.soft > 0.0 || is_nan(r.hard + r.soft))) {
      d = slope * exp_or_nan(logits[start + c] - r.largest) - r.soft * class_weights[c];
      d -= select(0.0, r.hard, i32(c) == label);
    }
    dlogits[start + c] = live.share * d;
  }
}

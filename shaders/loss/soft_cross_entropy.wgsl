// Softmax, cross-entropy with soft targets, and its gradient for one row of logits z a workgroup. With
// p = softmax(z), w the class weights, ε = SMOOTHING and s[c] = w[c] ((1−ε) t[c] + ε/K):
//
//   loss  = Σ_c s[c] (−log p[c]) / N
//   dz[c] = (p[c] Σ s − s[c]) share / N
//
// where share is 1 but for a micro-batch.
//
// logits, dlogits  (N, K), rows of pad4(K); the padding of dlogits is zero
// targets          (N, K), the share of each class
// class_weights    f32 (K)
// rows             (N, 4): loss, 1, 1 where the largest logit is the largest target's, 1; cross_entropy_mean joins them.
//                  A row of logits with a NaN has a loss and gradients of NaN and no largest logit
// dispatch         one workgroup a row
// numerics         the largest logit is subtracted first; f32 sums in a fixed order; tolerance 1e-6
// source           torch.nn.CrossEntropyLoss with class probabilities, which divides by N whatever the weights
// use: index, reduce_workgroup, live, nan, exp_log

override N: u32;
override K: u32;
override SMOOTHING: f32;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<f32>;
@group(0) @binding(2) var<storage, read> class_weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dlogits: array<f32>;

// What the gradient needs of a row.
struct Row {
  largest: f32,
  sum: f32,      // Σ exp(z − largest)
  all: f32,      // Σ s
}

fn weighted(at: u32, c: u32) -> f32 {
  return class_weights[c] * ((1.0 - SMOOTHING) * targets[at] + SMOOTHING / f32(K));
}

fn loss_of_row(row: u32, local: u32) -> Row {
  let start = row * pad4(K);
  var logit = vec2f(-3.4e38, f32(K));
  var share = vec2f(-3.4e38, f32(K));
  for (var c = local; c < K; c += REDUCE_SIZE) {
    let z = logits[start + c];
    let t = targets[start + c];
    logit = select(logit, vec2f(z, f32(c)), z > logit.x);
    share = select(share, vec2f(t, f32(c)), t > share.x);
  }
  let guess = reduce_argmax(logit, local);
  let truth = reduce_argmax(share, local);

  var part = vec4f(0.0);
  for (var c = local; c < K; c += REDUCE_SIZE) {
    let z = logits[start + c] - guess.x;
    let s = weighted(start + c, c);
    part += vec4f(exp_or_nan(z), s, s * z, select(0.0, 1.0, is_nan(z)));
  }
  let sums = reduce_sum(part, local);
  if (local == 0u) {
    let log_sum = log_or_nan(sums.x);
    let loss = (log_sum * sums.y - sums.z) / f32(N);
    rows[row] = vec4f(loss, 1.0, select(0.0, 1.0, guess.y == truth.y && sums.w == 0.0), 1.0);
  }
  return Row(guess.x, sums.x, sums.y);
}

@compute @workgroup_size(64)
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

@compute @workgroup_size(64)
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
  for (var c = local; c < pad4(K); c += REDUCE_SIZE) {
    var d = 0.0;
    if (c < K) {
      d = (exp_or_nan(logits[start + c] - r.largest) / r.sum * r.all - weighted(start + c, c)) / f32(N);
    }
    dlogits[start + c] = live.share * d;
  }
}

// dw[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, g·C/G + c] dy[n,p,q,k]
// with g = k / (K/G). The lines (n,p) are divided among SPLITS; split_sum adds up the partial sums in order.
//
// x         (N, H, W, C)
// dy        (N, P, Q, K)
// dw        (SPLITS, R, S, C/G, K); padding lanes are zero because those of dy are
// dispatch  one invocation for each split and vec4 of weights
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index

override N: u32;
override H: u32;
override W: u32;
override C: u32;
override K: u32;
override R: u32;
override S: u32;
override P: u32;
override Q: u32;
override STRIDE_H: u32;
override STRIDE_W: u32;
override DILATION_H: u32;
override DILATION_W: u32;
override PAD_TOP: u32;
override PAD_LEFT: u32;
override GROUPS: u32;
override SPLITS: u32;

alias x1 = f32;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x1>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let k4 = pad4(K) / 4u;
  let column = i % k4;
  let c = i / k4 % (C / GROUPS);
  let tap = i / k4 / (C / GROUPS) % (R * S);
  let split = i / k4 / (C / GROUPS) / (R * S);
  if (split >= SPLITS) {
    return;
  }
  let k = min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(K - 1u));
  let channel = k / (K / GROUPS) * (C / GROUPS) + c;
  let chunk = (N * P + SPLITS - 1u) / SPLITS;
  let end = min((split + 1u) * chunk, N * P);
  var v = vec4f(0.0);
  for (var line = split * chunk; line < end; line++) {
    // What would be negative has wrapped around to huge.
    let h = line % P * STRIDE_H + tap / S * DILATION_H - PAD_TOP;
    if (h >= H) {
      continue;
    }
    for (var q = 0u; q < Q; q++) {
      let l = q * STRIDE_W + tap % S * DILATION_W - PAD_LEFT;
      if (l >= W) {
        continue;
      }
      let at = ((line / P * H + h) * W + l) * pad4(C) + channel;
      v += vec4f(f32(x[at.x]), f32(x[at.y]), f32(x[at.z]), f32(x[at.w])) * vec4f(dy[(line * Q + q) * k4 + column]);
    }
  }
  dw[i] = v;
}

// dx[n,h,w,c] = Σ_{r,s,k} dy[n,p,q,k] w[r,s, c mod C/G, k], or dx += …, over the K/G output channels k of c's group and
// the taps (r,s) for which p = (h + pad − r·dilation) / stride is a whole number of 0 … P−1, and q likewise.
//
// dy        (N, P, Q, K)
// w         (R, S, C/G, K)
// dx        (N, H, W, C); padding lanes are zero
// dispatch  one invocation a vec4 of dx
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·K/G) relative
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
override ACCUMULATE: u32;

alias dy1 = f32;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy1>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let c4 = pad4(C) / 4u;
  if (i >= N * H * W * c4) {
    return;
  }
  let column = i % c4;
  let pixel = i / c4;
  let c = min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(C - 1u));
  let first = c / (C / GROUPS) * (K / GROUPS);
  let weight = c % (C / GROUPS) * pad4(K) + first;
  var v = vec4f(0.0);
  for (var r = 0u; r < R; r++) {
    // What would be negative has wrapped around to huge, which P and Q exclude.
    let h = pixel / W % H + PAD_TOP - r * DILATION_H;
    for (var s = 0u; s < S; s++) {
      let l = pixel % W + PAD_LEFT - s * DILATION_W;
      if (h % STRIDE_H != 0u || l % STRIDE_W != 0u || h / STRIDE_H >= P || l / STRIDE_W >= Q) {
        continue;
      }
      let a = ((pixel / (H * W) * P + h / STRIDE_H) * Q + l / STRIDE_W) * pad4(K) + first;
      let b = (r * S + s) * (C / GROUPS) * pad4(K) + weight;
      for (var k = 0u; k < K / GROUPS; k++) {
        v += vec4f(f32(dy[a.x + k]), f32(dy[a.y + k]), f32(dy[a.z + k]), f32(dy[a.w + k])) *
          vec4f(w[b.x + k], w[b.y + k], w[b.z + k], w[b.w + k]);
      }
    }
  }
  v *= lane_mask(column, C);
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

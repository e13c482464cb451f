// dx[n,h,w,c] = Σ_{r,s,k} dy[n,p,q,k] w[r,s, c mod C/G, k], or dx += …, over the K/G output channels k of c's group and
// the taps (r,s) for which p = (h + pad − r·dilation) / stride is a whole number of 0 … P−1, and q likewise.
//
// dy        (N, P, Q, K)
// w         (R, S, C/G, K)
// dx        (N, H, W, C); padding lanes are zero
// dispatch  one invocation a vec4 of dx
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·K/G) relative
// use: index, lane_mask

struct Args {
  N: u32,
  H: u32,
  W: u32,
  C: u32,
  K: u32,
  R: u32,
  S: u32,
  P: u32,
  Q: u32,
  STRIDE_H: u32,
  STRIDE_W: u32,
  DILATION_H: u32,
  DILATION_W: u32,
  PAD_TOP: u32,
  PAD_LEFT: u32,
  GROUPS: u32,
  ACCUMULATE: u32,
}

alias dy1 = f32;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy1>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;
@group(0) @binding(3) var<uniform> args: Args;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let c4 = pad4(args.C) / 4u;
  if (i >= args.N * args.H * args.W * c4) {
    return;
  }
  let column = i % c4;
  let pixel = i / c4;
  let c = min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(args.C - 1u));
  let first = c / (args.C / args.GROUPS) * (args.K / args.GROUPS);
  let weight = c % (args.C / args.GROUPS) * pad4(args.K) + first;
  var v = vec4f(0.0);
  for (var r = 0u; r < args.R; r++) {
    // What would be negative has wrapped around to huge, which P and Q exclude.
    let h = pixel / args.W % args.H + args.PAD_TOP - r * args.DILATION_H;
    for (var s = 0u; s < args.S; s++) {
      let l = pixel % args.W + args.PAD_LEFT - s * args.DILATION_W;
      if (h % args.STRIDE_H != 0u || l % args.STRIDE_W != 0u || h / args.STRIDE_H >= args.P || l / args.STRIDE_W >= args.Q) {
        continue;
      }
      let a = ((pixel / (args.H * args.W) * args.P + h / args.STRIDE_H) * args.Q + l / args.STRIDE_W) * pad4(args.K) + first;
      let b = (r * args.S + s) * (args.C / args.GROUPS) * pad4(args.K) + weight;
      for (var k = 0u; k < args.K / args.GROUPS; k++) {
        v += vec4f(f32(dy[a.x + k]), f32(dy[a.y + k]), f32(dy[a.z + k]), f32(dy[a.w + k])) *
          vec4f(w[b.x + k], w[b.y + k], w[b.z + k], w[b.w + k]);
      }
    }
  }
  v = select(vec4f(0.0), v, lane_mask(column, args.C));
  if (args.ACCUMULATE == 1u) {
    v += vec4f(dx[i]);
  }
  dx[i] = dx4(v);
}

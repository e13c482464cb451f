// dw[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, g·C/G + c] dy[n,p,q,k]
// with g = k / (K/G). The lines (n,p) are divided among SPLITS; split_sum adds up the partial sums in order.
//
// x         (N, H, W, C)
// dy        (N, P, Q, K)
// dw        (SPLITS, R, S, C/G, K), padding lanes without meaning
// dispatch  one invocation for each split and vec4 of weights
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index

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
  SPLITS: u32,
}

alias x1 = f32;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x1>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> args: Args;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let k4 = pad4(args.K) / 4u;
  let column = i % k4;
  let c = i / k4 % (args.C / args.GROUPS);
  let tap = i / k4 / (args.C / args.GROUPS) % (args.R * args.S);
  let split = i / k4 / (args.C / args.GROUPS) / (args.R * args.S);
  if (split >= args.SPLITS) {
    return;
  }
  let k = min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(args.K - 1u));
  let channel = k / (args.K / args.GROUPS) * (args.C / args.GROUPS) + c;
  let chunk = (args.N * args.P + args.SPLITS - 1u) / args.SPLITS;
  let end = min((split + 1u) * chunk, args.N * args.P);
  var v = vec4f(0.0);
  for (var line = split * chunk; line < end; line++) {
    // What would be negative has wrapped around to huge.
    let h = line % args.P * args.STRIDE_H + tap / args.S * args.DILATION_H - args.PAD_TOP;
    if (h >= args.H) {
      continue;
    }
    for (var q = 0u; q < args.Q; q++) {
      let l = q * args.STRIDE_W + tap % args.S * args.DILATION_W - args.PAD_LEFT;
      if (l >= args.W) {
        continue;
      }
      let at = ((line / args.P * args.H + h) * args.W + l) * pad4(args.C) + channel;
      v += vec4f(f32(x[at.x]), f32(x[at.y]), f32(x[at.z]), f32(x[at.w])) * vec4f(dy[(line * args.Q + q) * k4 + column]);
    }
  }
  dw[i] = v;
}

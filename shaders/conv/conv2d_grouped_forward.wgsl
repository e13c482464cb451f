// y[n,p,q,k] = f(bias[k] + Σ_{r,s,c} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, g·C/G + c] w[r,s,c,k])
// with g = k / (K/G): each of G groups of output channels sees only its own C/G input channels.
//
// x         (N, H, W, C)
// w         (R, S, C/G, K)
// bias      (K), not read where HAS_BIAS is 0
// y         (N, P, Q, K); padding lanes are zero
// dispatch  one invocation a vec4 of y
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·C/G) relative
// source    Krizhevsky, Sutskever and Hinton 2012; depthwise (G = C): Sifre 2014
// use: index, lane_mask, activation

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
  HAS_BIAS: u32,
}

alias x1 = f32;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x1>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<y4>;
@group(0) @binding(4) var<uniform> args: Args;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let k4 = pad4(args.K) / 4u;
  if (i >= args.N * args.P * args.Q * k4) {
    return;
  }
  let column = i % k4;
  let pixel = i / k4;
  // The first input channel of each lane's group; padding lanes meet weights of zero.
  let k = min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(args.K - 1u));
  let first = k / (args.K / args.GROUPS) * (args.C / args.GROUPS);
  var v = vec4f(0.0);
  for (var r = 0u; r < args.R; r++) {
    // What would be negative has wrapped around to huge.
    let h = pixel / args.Q % args.P * args.STRIDE_H + r * args.DILATION_H - args.PAD_TOP;
    for (var s = 0u; s < args.S; s++) {
      let column_in = pixel % args.Q * args.STRIDE_W + s * args.DILATION_W - args.PAD_LEFT;
      if (h >= args.H || column_in >= args.W) {
        continue;
      }
      let at = ((pixel / (args.P * args.Q) * args.H + h) * args.W + column_in) * pad4(args.C) + first;
      let weight = (r * args.S + s) * (args.C / args.GROUPS);
      for (var c = 0u; c < args.C / args.GROUPS; c++) {
        v += vec4f(f32(x[at.x + c]), f32(x[at.y + c]), f32(x[at.z + c]), f32(x[at.w + c])) * w[(weight + c) * k4 + column];
      }
    }
  }
  if (args.HAS_BIAS == 1u) {
    v += bias[column];
  }
  y[i] = y4(select(vec4f(0.0), activate(v), lane_mask(column, args.K)));
}

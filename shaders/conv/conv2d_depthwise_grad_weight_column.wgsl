// dw[r,s,c] = Σ_{n,p,q} x[n, p·stride + r − pad, q·stride + s − pad, c] dy[n,p,q,c]
//
// As conv2d_depthwise_grad_weight, for GPUs on which an invocation has too few registers for the sums of all taps: it keeps
// those of one column of the window, and loads x and dy once for them.
//
// x         (N, H, W, C)
// dy        (N, P, Q, C)
// dw        (SPLITS, R, S, 1, C), padding lanes without meaning
// dispatch  one invocation for each split, column of the window and vec4 of channels
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index, strip_lines

struct Args {
  N: u32,
  H: u32,
  W: u32,
  C: u32,
  P: u32,
  Q: u32,
  PAD_TOP: u32,
  PAD_LEFT: u32,
  COLUMNS: u32,
  SPLITS: u32,
}

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
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
  let vectors = pad4(args.C) / 4u;
  let channel = i % vectors;
  let s = i / vectors % WINDOW;
  let split = i / vectors / WINDOW;
  if (split >= args.SPLITS) {
    return;
  }
  let strips = args.P / LINES;
  let parts = (args.Q + args.COLUMNS - 1u) / args.COLUMNS;
  let all = args.N * strips * parts;
  let chunk = (all + args.SPLITS - 1u) / args.SPLITS;
  var taps: Taps;
  for (var part = split * chunk; part < min((split + 1u) * chunk, all); part++) {
    let begin = part % parts * args.COLUMNS;
    let p = part / parts % strips * LINES;
    let n = part / parts / strips;
    var place = column_place(n, p * STRIDE - args.PAD_TOP, begin * STRIDE + s - args.PAD_LEFT, channel);
    var at = ((n * args.P + p) * args.Q + begin) * vectors + channel;
    for (var q = begin; q < min(begin + args.COLUMNS, args.Q); q++) {
      taps = plus_strip(taps, load_column(place), load_dy(at));
      place = columns_on(place, STRIDE);
      at += vectors;
    }
  }
  let at = (split * WINDOW * WINDOW + s) * vectors + channel;
  let step = WINDOW * vectors;
  dw[at] = taps.a;
  dw[at + step] = taps.b;
  dw[at + 2u * step] = taps.c;
  if (WINDOW == 5u) {
    dw[at + 3u * step] = taps.d;
    dw[at + 4u * step] = taps.e;
  }
}

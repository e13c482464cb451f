// dw[r,s,c] = Σ_{n,p,q} x[n, p·stride + r − pad, q·stride + s − pad, c] dy[n,p,q,c]
//
// For depthwise convolutions of square windows of 3 or 5. The output pixels are cut into parts, COLUMNS columns of strips of LINES
// lines, and the parts are divided among SPLITS; split_sum adds up the partial sums in order. An invocation keeps the sums of all
// taps, and loads x and dy once for them.
//
// x         (N, H, W, C)
// dy        (N, P, Q, C)
// dw        (SPLITS, R, S, 1, C), padding lanes without meaning
// dispatch  one invocation for each split and vec4 of channels
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

fn store_taps(at: u32, taps: Taps) {
  let step = WINDOW * (pad4(args.C) / 4u);
  dw[at] = taps.a;
  dw[at + step] = taps.b;
  dw[at + 2u * step] = taps.c;
  if (WINDOW == 5u) {
    dw[at + 3u * step] = taps.d;
    dw[at + 4u * step] = taps.e;
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let vectors = pad4(args.C) / 4u;
  let channel = i % vectors;
  let split = i / vectors;
  if (split >= args.SPLITS) {
    return;
  }
  let strips = args.P / LINES;
  let parts = (args.Q + args.COLUMNS - 1u) / args.COLUMNS;
  let all = args.N * strips * parts;
  let chunk = (all + args.SPLITS - 1u) / args.SPLITS;
  // Of the columns of the window, the last one first.
  var taps0: Taps;
  var taps1: Taps;
  var taps2: Taps;
  var taps3: Taps;
  var taps4: Taps;
  for (var part = split * chunk; part < min((split + 1u) * chunk, all); part++) {
    let q = part % parts * args.COLUMNS;
    let n = part / parts / strips;
    let p = part / parts % strips * LINES;
    var at = ((n * args.P + p) * args.Q + q) * vectors + channel;
    let end = at + min(args.COLUMNS, args.Q - q) * vectors;
    var place = column_place(n, p * STRIDE - args.PAD_TOP, q * STRIDE - args.PAD_LEFT, channel);
    // Columns of x, the newest first.
    var column0: Column;
    var column1: Column;
    var column2: Column;
    var column3: Column;
    var column4: Column;
    for (var s = STRIDE; s < WINDOW; s++) {
      column3 = column2;
      column2 = column1;
      column1 = column0;
      column0 = load_column(place);
      place = columns_on(place, 1u);
    }
    for (; at < end; at += vectors) {
      if (STRIDE == 1u) {
        column4 = column3;
        column3 = column2;
        column2 = column1;
        column1 = column0;
      } else {
        column4 = column2;
        column3 = column1;
        column2 = column0;
        column1 = load_column(place);
        place = columns_on(place, 1u);
      }
      column0 = load_column(place);
      place = columns_on(place, 1u);
      let dy = load_dy(at);
      taps0 = plus_strip(taps0, column0, dy);
      taps1 = plus_strip(taps1, column1, dy);
      taps2 = plus_strip(taps2, column2, dy);
      if (WINDOW == 5u) {
        taps3 = plus_strip(taps3, column3, dy);
        taps4 = plus_strip(taps4, column4, dy);
      }
    }
  }
  let at = (split * WINDOW * WINDOW + WINDOW - 1u) * vectors + channel;
  store_taps(at, taps0);
  store_taps(at - vectors, taps1);
  store_taps(at - 2u * vectors, taps2);
  if (WINDOW == 5u) {
    store_taps(at - 3u * vectors, taps3);
    store_taps(at - 4u * vectors, taps4);
  }
}

// dw[r,s,c] = Σ_{n,p,q} x[n, p·stride + r − pad, q·stride + s − pad, c] dy[n,p,q,c]
//
// For depthwise convolutions of square windows of 3 or 5. The output pixels are cut into parts, COLUMNS columns of strips of
// four lines, and the parts are divided among SPLITS; split_sum adds up the partial sums in order. An invocation keeps the sums
// of all taps, and loads x and dy once for them.
//
// x         (N, H, W, C)
// dy        (N, P, Q, C)
// dw        (SPLITS, R, S, 1, C), padding lanes without meaning
// dispatch  one invocation for each split and vec4 of channels
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index, strip

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

// `at` is of the strip's first pixel.
fn load_dy(at: u32, p: u32) -> mat4x4f {
  let step = args.Q * (pad4(args.C) / 4u);
  var strip = mat4x4f(vec4f(dy[at]), vec4f(), vec4f(), vec4f());
  strip[1] = select(vec4f(0.0), vec4f(dy[at + step]), p + 1u < args.P);
  strip[2] = select(vec4f(0.0), vec4f(dy[at + 2u * step]), p + 2u < args.P);
  strip[3] = select(vec4f(0.0), vec4f(dy[at + 3u * step]), p + 3u < args.P);
  return strip;
}

fn products(a: mat4x4f, b: mat4x4f) -> vec4f {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}

fn plus_products(sum: Taps, x: Strip, dy: mat4x4f) -> Taps {
  var taps = sum;
  taps.a += products(x.a, dy);
  taps.b += products(x.b, dy);
  taps.c += products(x.c, dy);
  if (WINDOW == 5u) {
    taps.d += products(x.d, dy);
    taps.e += products(x.e, dy);
  }
  return taps;
}

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
  let strips = (args.P + 3u) / 4u;
  let parts = (args.Q + args.COLUMNS - 1u) / args.COLUMNS;
  let all = args.N * strips * parts;
  let chunk = (all + args.SPLITS - 1u) / args.SPLITS;
  // Columns of the window.
  var column0: Taps;
  var column1: Taps;
  var column2: Taps;
  var column3: Taps;
  var column4: Taps;
  for (var part = split * chunk; part < min((split + 1u) * chunk, all); part++) {
    let q = part % parts * args.COLUMNS;
    let p = part / parts % strips * 4u;
    let n = part / parts / strips;
    let columns = min(args.COLUMNS, args.Q - q);
    // Strips of dy, the newest first, each of which meets the strip of x under another column of the window.
    var last0: mat4x4f;
    var last1: mat4x4f;
    var last2: mat4x4f;
    var last3: mat4x4f;
    var last4: mat4x4f;
    // The padding on the right adds nothing.
    let end = min((columns - 1u) * STRIDE + WINDOW, max(args.W + args.PAD_LEFT, q * STRIDE) - q * STRIDE);
    for (var column = 0u; column < end; column++) {
      let strip = load_strip(strip_place(n, p * STRIDE - args.PAD_TOP, q * STRIDE + column - args.PAD_LEFT, channel));
      if (STRIDE == 2u && column % 2u == 1u) {
        column1 = plus_products(column1, strip, last0);
        if (WINDOW == 5u) {
          column3 = plus_products(column3, strip, last1);
        }
        continue;
      }
      last4 = last3;
      last3 = last2;
      last2 = last1;
      last1 = last0;
      last0 = mat4x4f();
      if (column < columns * STRIDE) {
        last0 = load_dy(((n * args.P + p) * args.Q + q + column / STRIDE) * vectors + channel, p);
      }
      column0 = plus_products(column0, strip, last0);
      if (STRIDE == 2u) {
        column2 = plus_products(column2, strip, last1);
        if (WINDOW == 5u) {
          column4 = plus_products(column4, strip, last2);
        }
      } else {
        column1 = plus_products(column1, strip, last1);
        column2 = plus_products(column2, strip, last2);
        if (WINDOW == 5u) {
          column3 = plus_products(column3, strip, last3);
          column4 = plus_products(column4, strip, last4);
        }
      }
    }
  }
  let at = split * WINDOW * WINDOW * vectors + channel;
  store_taps(at, column0);
  store_taps(at + vectors, column1);
  store_taps(at + 2u * vectors, column2);
  if (WINDOW == 5u) {
    store_taps(at + 3u * vectors, column3);
    store_taps(at + 4u * vectors, column4);
  }
}

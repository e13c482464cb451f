// y[n,p,q,c] = f(bias[c] + Σ_{r,s} x[n, p·stride + r − pad, q·stride + s − pad, c] w[r,s,c]), or y += …
//
// The depthwise convolution of square windows of 3 or 5, and, with stride 1 and the window turned around, the gradient of
// its input. An invocation goes along COLUMNS columns of y in a strip of LINES lines: it keeps the sums that are not finished,
// with four lines the window too, and loads each column of x once.
//
// x         (N, H, W, C)
// w         (R, S, 1, C)
// bias      (C), not read where HAS_BIAS is 0
// y         (N, P, Q, C); padding lanes are zero
// dispatch  one invocation for each image, strip, COLUMNS columns and vec4 of channels
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S) relative
// source    Sifre 2014
// use: index, lane_mask, activation, strip, load_taps

override HAS_BIAS: u32;
override ACCUMULATE: u32;

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
}

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<y4>;
@group(0) @binding(4) var<uniform> args: Args;

fn scaled(pixels: mat4x4f, tap: vec4f) -> mat4x4f {
  return mat4x4f(pixels[0] * tap, pixels[1] * tap, pixels[2] * tap, pixels[3] * tap);
}

// `start` and the products, each added by itself, so that GPUs do both at once.
fn plus_product(start: mat4x4f, x: Strip, w: Taps) -> mat4x4f {
  var sum = start + scaled(x.a, w.a) + scaled(x.b, w.b) + scaled(x.c, w.c);
  if (WINDOW == 5u) {
    sum = sum + scaled(x.d, w.d) + scaled(x.e, w.e);
  }
  return sum;
}

fn store_pixel(at: u32, p: u32, channel: u32, sum: vec4f) {
  if (p >= args.P) {
    return;
  }
  var v = sum;
  if (HAS_BIAS == 1u) {
    v += bias[channel];
  }
  // Else padding lanes are sums of zeros.
  if (HAS_BIAS == 1u || ACTIVATION != IDENTITY) {
    v = select(vec4f(0.0), activate(v), lane_mask(channel, args.C));
  }
  if (ACCUMULATE == 1u) {
    v += vec4f(y[at]);
  }
  y[at] = y4(v);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let vectors = pad4(args.C) / 4u;
  let parts = (args.Q + args.COLUMNS - 1u) / args.COLUMNS;
  let strips = (args.P + LINES - 1u) / LINES;
  let channel = i % vectors;
  let q = i / vectors % parts * args.COLUMNS;
  let p = i / vectors / parts % strips * LINES;
  let n = i / vectors / parts / strips;
  if (n >= args.N) {
    return;
  }
  // Columns of the window, counted from its end, and what is summed up of the columns of y that they will finish.
  var last: Taps;
  var last1: Taps;
  var last2: Taps;
  var last3: Taps;
  var last4: Taps;
  if (LINES == 4u) {
    last = load_taps(WINDOW - 1u, channel);
    last1 = load_taps(WINDOW - 2u, channel);
    last2 = load_taps(WINDOW - 3u, channel);
    if (WINDOW == 5u) {
      last3 = load_taps(1u, channel);
      last4 = load_taps(0u, channel);
    }
  }
  var sum1: mat4x4f;
  var sum2: mat4x4f;
  var sum3: mat4x4f;
  var sum4: mat4x4f;
  var at = ((n * args.P + p) * args.Q + q) * vectors + channel;
  let step = args.Q * vectors;
  let columns = (min(args.COLUMNS, args.Q - q) - 1u) * STRIDE + WINDOW;
  // The padding on the left adds nothing.
  let begin = min(max(args.PAD_LEFT, q * STRIDE) - q * STRIDE, WINDOW - 1u);
  var place = column_place(n, p * STRIDE - args.PAD_TOP, q * STRIDE + begin - args.PAD_LEFT, channel);
  for (var column = begin; column < columns; column++) {
    let strip = strip_of(load_column(place));
    place = columns_on(place, 1u);
    if (STRIDE == 2u && column % 2u == 1u) {
      sum1 = plus_product(sum1, strip, kept_taps(last1, WINDOW - 2u, channel));
      if (WINDOW == 5u) {
        sum2 = plus_product(sum2, strip, kept_taps(last3, 1u, channel));
      }
      continue;
    }
    if (column >= WINDOW - 1u) {
      let sum = plus_product(sum1, strip, kept_taps(last, WINDOW - 1u, channel));
      store_pixel(at, p, channel, sum[0]);
      store_pixel(at + step, p + 1u, channel, sum[1]);
      if (LINES == 4u) {
        store_pixel(at + 2u * step, p + 2u, channel, sum[2]);
        store_pixel(at + 3u * step, p + 3u, channel, sum[3]);
      }
      at += vectors;
    }
    if (STRIDE == 2u) {
      sum1 = plus_product(sum2, strip, kept_taps(last2, WINDOW - 3u, channel));
      if (WINDOW == 5u) {
        sum2 = plus_product(mat4x4f(), strip, kept_taps(last4, 0u, channel));
      }
    } else {
      sum1 = plus_product(sum2, strip, kept_taps(last1, WINDOW - 2u, channel));
      sum2 = plus_product(sum3, strip, kept_taps(last2, WINDOW - 3u, channel));
      if (WINDOW == 5u) {
        sum3 = plus_product(sum4, strip, kept_taps(last3, 1u, channel));
        sum4 = plus_product(mat4x4f(), strip, kept_taps(last4, 0u, channel));
      }
    }
  }
}

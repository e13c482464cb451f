// dx[n,h,w,c] = Σ_{r,s} dy[n,p,q,c] w[r,s,c], or dx += …, over the taps (r,s) for which p = (h + pad − r) / 2 is a whole
// number of 0 … P−1, and q likewise.
//
// For depthwise convolutions of square windows of 3 or 5 with stride 2. An invocation goes along COLUMNS columns of dy,
// each of which finishes two of dx, in a strip of LINES lines of dx: it keeps the sums that are not finished, with four
// lines the window too, and loads each column of dy once.
//
// dy        (N, P, Q, C)
// w         (R, S, 1, C)
// dx        (N, H, W, C); padding lanes are zero, as those of dy
// dispatch  one invocation for each image, strip, COLUMNS pairs of columns and vec4 of channels, the padding above and to the left
//           of x counted with it
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S) relative
// use: index, load_taps

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

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;
@group(0) @binding(3) var<uniform> args: Args;

// `mask` is zero in columns outside.
fn load_pixel(at: u32, line: u32, mask: u32) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(dy[at])) & vec4u(select(0u, mask, line < args.P)));
}

// Pixels of a column of dy, of which four lines of dx see two or three each.
struct Strip {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
}

fn product(dy: Strip, w: Taps) -> mat4x4f {
  var sum = mat4x4f(dy.c * w.a + dy.b * w.c, dy.c * w.b, dy.d * w.a + dy.c * w.c, dy.d * w.b);
  if (WINDOW == 5u) {
    sum += mat4x4f(dy.a * w.e, dy.b * w.d, dy.b * w.e, dy.c * w.d);
  }
  return sum;
}

fn store_pixel(at: u32, h: u32, l: u32, sum: vec4f) {
  if (h >= args.H || l >= args.W) {
    return;
  }
  var v = sum;
  if (ACCUMULATE == 1u) {
    v += vec4f(dx[at]);
  }
  dx[at] = dx4(v);
}

fn store_strip(n: u32, h: u32, l: u32, channel: u32, sum: mat4x4f) {
  let vectors = pad4(args.C) / 4u;
  let at = ((n * args.H + h) * args.W + l) * vectors + channel;
  let step = args.W * vectors;
  store_pixel(at, h, l, sum[0]);
  store_pixel(at + step, h + 1u, l, sum[1]);
  if (LINES == 4u) {
    store_pixel(at + 2u * step, h + 2u, l, sum[2]);
    store_pixel(at + 3u * step, h + 3u, l, sum[3]);
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
  let pairs = (args.W + args.PAD_LEFT + 1u) / 2u;
  let parts = (pairs + args.COLUMNS - 1u) / args.COLUMNS;
  let strips = (args.H + args.PAD_TOP + LINES - 1u) / LINES;
  let channel = i % vectors;
  let first = i / vectors % parts * args.COLUMNS;
  let strip = i / vectors / parts % strips;
  let n = i / vectors / parts / strips;
  if (n >= args.N) {
    return;
  }
  var column0: Taps;
  var column1: Taps;
  var column2: Taps;
  var column3: Taps;
  var column4: Taps;
  if (LINES == 4u) {
    column0 = load_taps(0u, channel);
    column1 = load_taps(1u, channel);
    column2 = load_taps(2u, channel);
    if (WINDOW == 5u) {
      column3 = load_taps(3u, channel);
      column4 = load_taps(4u, channel);
    }
  }
  // Sums of the next pair of columns of dx, and of the even one after it.
  var even: mat4x4f;
  var odd: mat4x4f;
  var later: mat4x4f;
  // What would be negative has wrapped around to huge.
  let line = LINES / 2u * strip;
  let step = args.Q * vectors;
  // It begins with the columns of dy before its own that its first of dx see.
  let begin = first - (WINDOW - 1u) / 2u;
  var at = ((n * args.P + line) * args.Q + begin) * vectors + channel;
  for (var q = begin; q != min(first + args.COLUMNS, pairs); q++) {
    let mask = select(0u, 0xffffffffu, q < args.Q);
    var pixels = Strip(
      vec4f(),
      load_pixel(at - step, line - 1u, mask),
      load_pixel(at, line, mask),
      load_pixel(at + step, line + 1u, mask),
    );
    if (WINDOW == 5u) {
      pixels.a = load_pixel(at - 2u * step, line - 2u, mask);
    }
    at += vectors;
    if (q - first < args.COLUMNS) {
      let h = LINES * strip - args.PAD_TOP;
      let l = 2u * q - args.PAD_LEFT;
      store_strip(n, h, l, channel, even + product(pixels, kept_taps(column0, 0u, channel)));
      store_strip(n, h, l + 1u, channel, odd + product(pixels, kept_taps(column1, 1u, channel)));
    }
    even = product(pixels, kept_taps(column2, 2u, channel));
    if (WINDOW == 5u) {
      even += later;
      later = product(pixels, kept_taps(column4, 4u, channel));
      odd = product(pixels, kept_taps(column3, 3u, channel));
    }
  }
}

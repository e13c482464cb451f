// dx[n,h,w,c] = Σ_{r,s} dy[n,p,q,c] w[r,s,c], or dx += …, over the taps (r,s) for which p = (h + pad − r) / 2 is a whole
// number of 0 … P−1, and q likewise.
//
// For depthwise convolutions of square windows of 3 or 5 with stride 2. An invocation goes down ROWS lines of dy, each of
// which finishes two of dx, in a strip of four columns of dx: it keeps the window and the sums that are not finished, and
// loads each line of dy once.
//
// dy        (N, P, Q, C)
// w         (R, S, 1, C)
// dx        (N, H, W, C); padding lanes are zero
// dispatch  one invocation for each image, ROWS pairs of lines, strip and vec4 of channels, the padding above and to the left
//           of x counted with it
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S) relative
// use: index, lane_mask

override WINDOW: u32;  // lines and columns of the window: 3 or 5
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
  ROWS: u32,
}

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;
@group(0) @binding(3) var<uniform> args: Args;

fn load_pixel(line: u32, column: u32, image: u32, channel: u32) -> vec4f {
  let at = ((image * args.P + line) * args.Q + column) * (pad4(args.C) / 4u) + channel;
  return select(vec4f(0.0), vec4f(dy[at]), line < args.P && column < args.Q);
}

// Taps 0 … 4 of a row of the window; the last two only where it has five.
struct Taps {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
  e: vec4f,
}

fn load_taps(row: u32, channel: u32) -> Taps {
  let step = pad4(args.C) / 4u;
  let at = row * WINDOW * step + channel;
  var taps = Taps(w[at], w[at + step], w[at + 2u * step], vec4f(), vec4f());
  if (WINDOW == 5u) {
    taps.d = w[at + 3u * step];
    taps.e = w[at + 4u * step];
  }
  return taps;
}

// Pixels of a line of dy, of which the four columns of dx see two or three each.
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

fn store_line(n: u32, h: u32, first: u32, channel: u32, sum: mat4x4f) {
  if (h >= args.H) {
    return;
  }
  for (var k = 0u; k < 4u; k++) {
    if (first + k < args.W) {
      let at = ((n * args.H + h) * args.W + first + k) * (pad4(args.C) / 4u) + channel;
      var v = select(vec4f(0.0), sum[k], lane_mask(channel, args.C));
      if (ACCUMULATE == 1u) {
        v += vec4f(dx[at]);
      }
      dx[at] = dx4(v);
    }
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
  let strips = (args.W + args.PAD_LEFT + 3u) / 4u;
  let pairs = (args.H + args.PAD_TOP + 1u) / 2u;
  let parts = (pairs + args.ROWS - 1u) / args.ROWS;
  let channel = i % vectors;
  let strip = i / vectors % strips;
  let p = i / vectors / strips % parts * args.ROWS;
  let n = i / vectors / strips / parts;
  if (n >= args.N) {
    return;
  }
  let row0 = load_taps(0u, channel);
  let row1 = load_taps(1u, channel);
  let row2 = load_taps(2u, channel);
  var row3: Taps;
  var row4: Taps;
  if (WINDOW == 5u) {
    row3 = load_taps(3u, channel);
    row4 = load_taps(4u, channel);
  }
  // Sums of the next pairs of lines of dx: even, odd and, of the pair after the next, even.
  var even: mat4x4f;
  var odd: mat4x4f;
  var later: mat4x4f;
  // Lines of dy above its own, which its first lines of dx see.
  let above = (WINDOW - 1u) / 2u;
  for (var line = p - above; line != min(p + args.ROWS, pairs); line++) {
    // What would be negative has wrapped around to huge.
    let first = 2u * strip;
    var pixels = Strip(
      vec4f(),
      load_pixel(line, first - 1u, n, channel),
      load_pixel(line, first, n, channel),
      load_pixel(line, first + 1u, n, channel),
    );
    if (WINDOW == 5u) {
      pixels.a = load_pixel(line, first - 2u, n, channel);
    }
    // Not those of lines above its own, of which some sums are another's.
    if (line - p < args.ROWS) {
      let h = 2u * line - args.PAD_TOP;
      let column = 4u * strip - args.PAD_LEFT;
      store_line(n, h, column, channel, even + product(pixels, row0));
      store_line(n, h + 1u, column, channel, odd + product(pixels, row1));
    }
    even = product(pixels, row2);
    if (WINDOW == 5u) {
      even += later;
      later = product(pixels, row4);
      odd = product(pixels, row3);
    }
  }
}

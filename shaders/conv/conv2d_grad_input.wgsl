// dx[n,h,w,c] = Σ_{r,s,k} dy[n,p,q,k] w[r,s,c,k], or dx += …, over the taps (r,s) for which
// p = (h + pad − r·dilation) / stride is a whole number of 0 … P−1, and q likewise.
//
// Gather form by residue phases: the pixels with equal h mod stride and w mod stride meet the same taps, every
// `stride / gcd(stride, dilation)`-th one, so within a phase this is a convolution of stride 1 and no product
// with an inserted zero is ever computed. Implicit GEMM within a phase: rows are its pixels, columns are
// input channels, the depth is (r,s,k) without the taps that meet no output. One invocation computes one register
// tile. All phases count as many pixels as the largest, so that the number of a tile alone tells its phase.
//
// dy        (N, P, Q, K)
// w         (R, S, C, K)
// dx        (N, H, W, C); padding lanes are zero
// dispatch  one invocation for each phase and tile of N·⌈H/stride⌉·⌈W/stride⌉ × C, in whole quads or workgroups where
//           those share
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·K) relative
// source    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", §4
// use: index, lane_mask, range_taps, masked
// link: tile=8x8 share=workgroup group=16x8 | tile=8x8 share=workgroup group=8x8
// link: tile=4x8 share=workgroup group=16x8 | tile=4x4 share=workgroup group=16x16
// link: tile=4x4 share=workgroup group=8x8 | tile=4x4 share=workgroup group=32x4
// link: tile=8x16 share=quad walk=nested | tile=4x16 share=quad walk=flat
// link: tile=16x16 share=none walk=flat | tile=16x8 share=none walk=flat | tile=8x8 share=none walk=flat
// link: tile=4x8 share=none walk=flat | tile=4x4 share=none walk=flat
// version: norm=plain | norm=sums for share=workgroup

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
  TAP_STEP_H: u32,  // stride / gcd(stride, dilation)
  TAP_STEP_W: u32,
  ACCUMULATE: u32,
}

alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<dx4>;
@group(0) @binding(3) var<uniform> args: Args;

// Four input pixels, and the output pixels that the phase's first tap meets: their vec4s, lines and columns, modulo 2^32.
struct Rows4 {
  pixel: vec4u,
  at: vec4u,
  y: vec4u,
  x: vec4u,
}

// The four vec4s that the first tap meets, and all bits set where those of the tap are inside.
struct Place {
  at: vec4u,
  mask: vec4u,
}

// The first pixel of a phase, and the taps that its pixels meet: the first, and how many.
struct Phase {
  pixel: vec2u,
  tap: vec2u,
  taps: vec2u,
}

const PAST_END = 0xffffffffu;
const OUTSIDE = 0xc0000000u;  // a line of dy that no tap brings back inside

var<private> phase: Phase;

// The first tap that meets pixels with this (h + pad) mod stride, or `taps` where none does.
fn first_tap(residue: u32, taps: u32, stride: u32, dilation: u32) -> u32 {
  var tap = 0u;
  while (tap < taps && tap * dilation % stride != residue) {
    tap++;
  }
  return tap;
}

// The taps, in one direction, with which the pixels from `pixel` on at every `stride` meet an output: the first, and
// how many. In small maps others meet nothing.
fn phase_taps(pixel: u32, inputs: u32, outputs: u32, taps: u32, stride: u32, dilation: u32, pad: u32, tap_step: u32) -> vec2u {
  let first = first_tap((pixel + pad) % stride, taps, stride, dilation);
  let all = (taps + tap_step - 1u - first) / tap_step;
  // Outputs that the first and the last pixel meet with the first tap; with each next tap they are `apart` further up.
  let lowest = (i32(pixel + pad) - i32(first * dilation)) / i32(stride);
  let highest = lowest + (i32(inputs) - 1 - i32(pixel)) / i32(stride);
  let apart = i32(tap_step * dilation / stride);
  let begin = u32(max(lowest - i32(outputs) + apart, 0) / apart);
  let end = min(all, u32(max(highest + apart, 0) / apart));
  return vec2u(first + begin * tap_step, max(begin, end) - begin);
}

fn make_phase(number: u32) -> Phase {
  // Those of many taps are the first or the last: a CPU's threads take launches in contiguous parts, so mix them.
  let phases = args.STRIDE_H * args.STRIDE_W;
  let mixed = select(number / 2u, phases - 1u - number / 2u, number % 2u == 1u);
  let pixel = vec2u(mixed / args.STRIDE_W, mixed % args.STRIDE_W);
  let lines = phase_taps(pixel.x, args.H, args.P, args.R, args.STRIDE_H, args.DILATION_H, args.PAD_TOP, args.TAP_STEP_H);
  let columns = phase_taps(pixel.y, args.W, args.Q, args.S, args.STRIDE_W, args.DILATION_W, args.PAD_LEFT, args.TAP_STEP_W);
  return Phase(pixel, vec2u(lines.x, columns.x), vec2u(lines.y, columns.y));
}

// Pixels of the largest phase in each direction.
fn phase_size() -> vec2u {
  return vec2u((args.H + args.STRIDE_H - 1u) / args.STRIDE_H, (args.W + args.STRIDE_W - 1u) / args.STRIDE_W);
}

fn rows4(row: u32) -> Rows4 {
  let number = vec4u(row) + vec4u(0u, 1u, 2u, 3u);
  let line = number / phase_size().y;
  let n = line / phase_size().x;
  let h = line % phase_size().x * args.STRIDE_H + phase.pixel.x;
  let w = number % phase_size().y * args.STRIDE_W + phase.pixel.y;
  let inside = (n < vec4u(args.N)) & (h < vec4u(args.H)) & (w < vec4u(args.W));
  // Whole numbers, for the residues of both terms are equal.
  let line_out = (vec4i(h + args.PAD_TOP) - i32(phase.tap.x * args.DILATION_H)) / i32(args.STRIDE_H);
  let x = vec4u((vec4i(w + args.PAD_LEFT) - i32(phase.tap.y * args.DILATION_W)) / i32(args.STRIDE_W));
  let y = select(vec4u(OUTSIDE), vec4u(line_out), inside);
  return Rows4(
    select(vec4u(PAST_END), (n * args.H + h) * args.W + w, inside),
    ((n * args.P + y) * args.Q + x) * (pad4(args.K) / 4u),
    y,
    x,
  );
}

fn place(rows4: Rows4, cursor: Cursor) -> Place {
  // What would be negative has wrapped around to huge.
  let inside = (rows4.y - cursor.tap.x < vec4u(args.P)) & (rows4.x - cursor.tap.y < vec4u(args.Q));
  return Place(rows4.at, select(vec4u(0u), vec4u(0xffffffffu), inside));
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place.at + step.at.x;
  return mat4x4f(vec4f(dy[at.x]), vec4f(dy[at.y]), vec4f(dy[at.z]), vec4f(dy[at.w]));
}

fn finish_rows(rows: mat4x4f, place: Place, step: Step) -> mat4x4f {
  return masked(rows, place.mask);
}

fn as_rows(a: mat4x4f) -> mat4x4f {
  return a;
}

fn load_vec4(at: u32) -> vec4f {
  return w[at];
}

// Columns past the end are those of another tap; they are not stored.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(four_from(0u) * (pad4(args.K) / 4u) + (column * pad4(args.K) + step.at.y));
}

fn as_columns(b: mat4x4f) -> mat4x4f {
  return transpose(b);
}

fn store_rows(rows4: Rows4, slice: u32, column: u32, tile: mat4x4f) {
  let columns = pad4(args.C) / 4u;
  if (column >= columns) {
    return;
  }
  let mask = lane_mask(column, args.C);
  var c = tile;
  var pixels = rows4.pixel;
  for (var i = 0u; i < 4u; i++) {
    if (pixels[i] != PAST_END) {
      let at = pixels[i] * columns + column;
      var v = select(vec4f(0.0), c[i], mask);
      if (args.ACCUMULATE == 1u) {
        v += vec4f(dx[at]);
      }
      dx[at] = dx4(v);
    }
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, 0u, 1u);
  let rows = args.N * phase_size().x * phase_size().y;
  let slice = tile_slice(number, local, rows, args.C);
  if (slice >= args.STRIDE_H * args.STRIDE_W) {
    return;
  }
  let origin = tile_origin(number, local, rows, args.C);
  let own = make_phase(slice);  // uniform where barriers need it, as a private variable never is
  phase = own;

  // One vec4 of channels deeper, and from one tap of the phase to the next, which moves the output pixel up or to the left.
  let width = pad4(args.K) / 4u;
  let tap_step = vec2u(args.TAP_STEP_H, args.TAP_STEP_W);
  let moved = tap_step * vec2u(args.DILATION_H, args.DILATION_W) / vec2u(args.STRIDE_H, args.STRIDE_W);
  let row = args.C * width;  // of taps
  let begin = Cursor(vec2u(0u), 0u, vec2u(0u, (own.tap.x * args.S + own.tap.y) * row));
  let right = Cursor(vec2u(0u, moved.y), 0u, vec2u(0u - moved.y * width, tap_step.y * row));
  let down = Cursor(vec2u(moved.x, 0u), 0u, vec2u(0u - moved.x * args.Q * width, tap_step.x * args.S * row));
  let range = Range(own.taps, begin, width, Cursor(vec2u(0u), 1u, vec2u(1u)), right, down);

  let own_rows = tile_rows(origin.row);
  var tile: Tile;
  tile_walk(&tile, own_rows, range, origin.column);
  tile_store(&tile, own_rows, slice, origin.column);
  finish_group();
}

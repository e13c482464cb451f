// y[n,p,q,k] = f(bias[k] + Σ_{r,s,c} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, c] w[r,s,c,k])
//
// Implicit GEMM: rows are the pixels (n,p,q), flattened so that small planes waste nothing, columns are
// output channels, the depth is (r,s,c) without the taps that see only padding. One invocation computes one register
// tile. With SPLITS > 1 the input channels are divided and y holds SPLITS partial sums, without bias and f, for
// split_sum to finish.
//
// x         (N, H, W, C)
// w         (R, S, C, K)
// bias      (K), not read where HAS_BIAS is 0
// y         (N, P, Q, K) or (SPLITS, N, P, Q, K); padding lanes are zero
// dispatch  one invocation for each split and tile of N·P·Q × K, in whole quads or workgroups where those share
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·C) relative
// source    Chellapilla, Puri and Simard 2006 (convolution as a matrix product)
// use: index, lane_mask, range_taps, seen_taps, masked, activation
// link: tile=8x8 share=workgroup group=16x8 | tile=8x8 share=workgroup group=8x8
// link: tile=4x8 share=workgroup group=16x8 | tile=4x4 share=workgroup group=16x16
// link: tile=4x4 share=workgroup group=8x8 | tile=4x4 share=workgroup group=32x4
// link: tile=8x16 share=quad walk=nested | tile=4x16 share=quad walk=flat
// link: tile=16x16 share=none walk=flat | tile=16x8 share=none walk=flat | tile=8x8 share=none walk=flat
// link: tile=4x8 share=none walk=flat | tile=4x4 share=none walk=flat
// version: norm=plain | norm=between for share=workgroup

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
  SPLITS: u32,
  HAS_BIAS: u32,
}

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<y4>;
@group(0) @binding(4) var<uniform> args: Args;

// Four output pixels from `row` on, and the input pixels under the first tap: their vec4s, lines and columns, modulo 2^32.
struct Rows4 {
  row: u32,
  at: vec4u,
  y: vec4u,
  x: vec4u,
}

// The four vec4s under the first tap, and all bits set where those under the tap are inside.
struct Place {
  at: vec4u,
  mask: vec4u,
}

var<private> first_tap: vec2u;

fn rows4(row: u32) -> Rows4 {
  let pixel = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(args.N * args.P * args.Q - 1u));
  let line = pixel / args.Q;
  let tap = first_tap * vec2u(args.DILATION_H, args.DILATION_W) - vec2u(args.PAD_TOP, args.PAD_LEFT);
  let y = line % args.P * args.STRIDE_H + tap.x;
  let x = pixel % args.Q * args.STRIDE_W + tap.y;
  return Rows4(row, ((line / args.P * args.H + y) * args.W + x) * (pad4(args.C) / 4u), y, x);
}

fn place(rows4: Rows4, cursor: Cursor) -> Place {
  // What would be negative has wrapped around to huge.
  let inside = (rows4.y + cursor.tap.x < vec4u(args.H)) & (rows4.x + cursor.tap.y < vec4u(args.W));
  return Place(rows4.at, select(vec4u(0u), vec4u(0xffffffffu), inside));
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place.at + step.at.x;
  return mat4x4f(vec4f(x[at.x]), vec4f(x[at.y]), vec4f(x[at.z]), vec4f(x[at.w]));
}

fn finish_rows(rows: mat4x4f, place: Place, step: Step) -> mat4x4f {
  return masked(normalised(rows, step.channel), place.mask);
}

fn as_rows(a: mat4x4f) -> mat4x4f {
  return a;
}

fn load_vec4(at: u32) -> vec4f {
  return w[at];
}

// Weights of four input channels; those past C meet only the zero padding of x, and columns past the end are not stored.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(four_from(0u) * (pad4(args.K) / 4u) + (step.at.y + column));
}

fn as_columns(b: mat4x4f) -> mat4x4f {
  return b;
}

fn store_rows(rows4: Rows4, split: u32, column: u32, tile: mat4x4f) {
  let rows = args.N * args.P * args.Q;
  let columns = pad4(args.K) / 4u;
  if (column >= columns) {
    return;
  }
  var offset = vec4f(0.0);
  if (args.HAS_BIAS == 1u && args.SPLITS == 1u) {
    offset = bias[column];
  }
  let mask = lane_mask(column, args.K);
  // Not each row against the last: compilers would keep their numbers for this from the first loads on.
  let own_rows = rows - min(rows4.row, rows);
  var c = tile;
  for (var i = 0u; i < 4u; i++) {
    if (i < own_rows) {
      var v = c[i];
      if (args.SPLITS == 1u) {
        v = select(vec4f(0.0), activate(v + offset), mask);
      }
      y[(split * rows + rows4.row + i) * columns + column] = y4(v);
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
  let split = tile_slice(number, local, args.N * args.P * args.Q, args.K);
  if (split >= args.SPLITS) {
    return;
  }
  let origin = tile_origin(number, local, args.N * args.P * args.Q, args.K);
  let chunk = (pad4(args.C) / 4u + args.SPLITS - 1u) / args.SPLITS;
  let begin = min(split * chunk, pad4(args.C) / 4u);
  let end = min(begin + chunk, pad4(args.C) / 4u);
  let lines = seen_taps(args.R, args.H, args.P, args.STRIDE_H, args.DILATION_H, args.PAD_TOP);
  let columns = seen_taps(args.S, args.W, args.Q, args.STRIDE_W, args.DILATION_W, args.PAD_LEFT);
  let own_first = vec2u(lines.x, columns.x);  // uniform where barriers need it, as a private variable never is
  first_tap = own_first;

  // One vec4 of channels deeper, one tap to the right, one down.
  let width = vec2u(pad4(args.C), pad4(args.K)) / 4u;
  let deeper = Cursor(vec2u(0u), 1u, vec2u(1u, 4u * width.y));
  let right = Cursor(vec2u(0u, args.DILATION_W), 0u, vec2u(args.DILATION_W, args.C) * width);
  let down = Cursor(vec2u(args.DILATION_H, 0u), 0u, vec2u(args.DILATION_H * args.W, args.S * args.C) * width);
  let first = Cursor(vec2u(0u), 0u, vec2u(0u, (own_first.x * args.S + own_first.y) * args.C * width.y));
  let range = Range(vec2u(lines.y, columns.y), go(first, deeper, begin), end, deeper, right, down);

  let own_rows = tile_rows(origin.row);
  var tile: Tile;
  tile_walk(&tile, own_rows, range, origin.column);
  tile_store(&tile, own_rows, split, origin.column);
  finish_group();
}

// dw[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, c] dy[n,p,q,k]
//
// For each tap (r,s) a matrix product: rows are input channels, columns are output channels, the depth is the
// pixels (n,p,q), flattened, or nothing for a tap that sees only padding. One invocation computes one register tile. The pixels are divided among SPLITS,
// so that there are enough invocations; dw then holds SPLITS partial sums for split_sum to add up in order.
//
// x         (N, H, W, C)
// dy        (N, P, Q, K)
// dw        (R, S, C, K), or (SPLITS, R, S, C, K); padding lanes are zero
// dispatch  one invocation for each split, tap and tile of C × K, in whole quads or workgroups where those share
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index, lane_mask, range_pixels, seen_taps, masked
// link: tile=8x8 share=workgroup group=16x8 | tile=8x8 share=workgroup group=8x8
// link: tile=4x8 share=workgroup group=16x8 | tile=4x4 share=workgroup group=16x16
// link: tile=4x4 share=workgroup group=8x8
// link: tile=8x16 share=quad walk=flat | tile=4x16 share=quad walk=flat
// link: tile=16x16 share=none walk=flat | tile=16x8 share=none walk=flat
// link: tile=8x8 share=none walk=flat | tile=4x8 share=none walk=flat | tile=4x4 share=none walk=flat
// version: norm=plain | norm=after for share=workgroup

override ACCUMULATE: u32;

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
}

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> args: Args;

// Four input channels: the first of them; the number of their vec4.
alias Rows4 = u32;
alias Place = u32;

// Four pixels: their vec4s in x, less the channel, with all bits set where they are inside, and the first one's in dy, less
// the column.
struct Step {
  at: vec4u,
  mask: vec4u,
  dy: u32,
}

// Where the tap that this invocation works on lies in x from an output pixel's place, modulo 2^32.
var<private> tap: vec2u;

fn rows4(row: u32) -> Rows4 {
  return row;
}

fn place(rows4: Rows4, cursor: Cursor) -> Place {
  return rows4 / 4u;
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  // What would be negative has wrapped around to huge.
  let inside = (cursor.y + tap.x < Four(args.H)) & (cursor.x + tap.y < Four(args.W)) &
    (dy_of(cursor.dy) < Four(args.N * args.P * args.Q * (pad4(args.K) / 4u)));
  return Step(
    all_four(cursor.at + (tap.x * args.W + tap.y) * (pad4(args.C) / 4u)),
    all_four(select(Four(0u), Four(0xffffffffu), inside)),
    cursor.dy,
  );
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = step.at + place;
  return mat4x4f(vec4f(x[at.x]), vec4f(x[at.y]), vec4f(x[at.z]), vec4f(x[at.w]));
}

fn finish_rows(rows: mat4x4f, place: Place, step: Step) -> mat4x4f {
  return masked(normalised(rows, place), step.mask);
}

fn as_rows(a: mat4x4f) -> mat4x4f {
  return transpose(a);
}

fn load_vec4(at: u32) -> vec4f {
  return vec4f(dy[at]);
}

// Columns past the end are those of another pixel; they are not stored.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(dy_of(step.dy + column));
}

fn as_columns(b: mat4x4f) -> mat4x4f {
  return b;
}

fn store_rows(rows4: Rows4, slice: u32, column: u32, tile: mat4x4f) {
  let columns = pad4(args.K) / 4u;
  if (column >= columns) {
    return;
  }
  let mask = lane_mask(column, args.K);
  var c = tile;
  for (var i = 0u; i < 4u; i++) {
    if (rows4 + i < args.C) {
      let at = (slice * args.C + rows4 + i) * columns + column;
      var v = select(vec4f(0.0), c[i], mask);
      if (ACCUMULATE == 1u) {
        v += dw[at];
      }
      dw[at] = v;
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
  let slice = tile_slice(number, local, args.C, args.K);
  let split = slice / (args.R * args.S);
  if (split >= args.SPLITS) {
    return;
  }
  let origin = tile_origin(number, local, args.C, args.K);
  let own = vec2u(slice % (args.R * args.S) / args.S, slice % args.S);
  tap = own * vec2u(args.DILATION_H, args.DILATION_W) - vec2u(args.PAD_TOP, args.PAD_LEFT);
  let chunk = ((args.N * args.P * args.Q + 3u) / 4u + args.SPLITS - 1u) / args.SPLITS * 4u;
  let begin = min(split * chunk, args.N * args.P * args.Q);
  let lines = seen_taps(args.R, args.H, args.P, args.STRIDE_H, args.DILATION_H, args.PAD_TOP);
  let columns = seen_taps(args.S, args.W, args.Q, args.STRIDE_W, args.DILATION_W, args.PAD_LEFT);
  // Before the first seen tap, the difference wraps around.
  let seen = (own.x - lines.x < lines.y) & (own.y - columns.x < columns.y);
  let end = select(begin, min(begin + chunk, args.N * args.P * args.Q), seen);

  let own_rows = tile_rows(origin.row);
  var tile: Tile;
  tile_walk(&tile, own_rows, Range(begin, end), origin.column);
  tile_store(&tile, own_rows, slice, origin.column);
}

// dw[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, c] dy[n,p,q,k]
//
// For few input channels, which would not fill the rows of `conv2d_grad_weight`: one matrix product whose rows are
// taps and input channels, each tap with its channels in fours, and whose columns are output channels; the depth is
// the pixels (n,p,q), flattened. One invocation computes one register tile. The pixels are divided among SPLITS, so
// that there are enough invocations; dw then holds SPLITS partial sums for split_sum to add up in order.
//
// x         (N, H, W, C)
// dy        (N, P, Q, K)
// dw        (R, S, C, K), or (SPLITS, R, S, C, K); padding lanes are zero
// dispatch  one invocation for each split and tile of R·S·pad4(C) × K, in whole quads or workgroups where those share
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index, lane_mask, range_pixels, masked
// link: tile=8x8 share=workgroup group=8x8 | tile=4x4 share=workgroup group=8x8
// link: tile=4x4 share=workgroup group=32x4 | tile=4x16 share=quad walk=flat
// link: tile=16x16 share=none walk=flat | tile=8x8 share=none walk=flat | tile=4x8 share=none walk=flat

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

// Four input channels under one tap: where the tap lies in x from an output pixel's place, modulo 2^32, and the channels'
// vec4 from that pixel's first; the number of that vec4, and the first row of dw.
struct Rows4 {
  tap: vec2u,
  at: u32,
  channel: u32,
  row: u32,
}

alias Place = Rows4;

// Four pixels: where their windows begin in x, in lines and columns and as the number of a vec4, and the first pixel's vec4
// in dy, less the column.
struct Step {
  y: vec4u,
  x: vec4u,
  at: vec4u,
  dy: u32,
}

fn rows4(row: u32) -> Rows4 {
  let vectors = pad4(args.C) / 4u;
  let tap = row / 4u / vectors;
  let channel = row / 4u % vectors;
  let window = vec2u(tap / args.S * args.DILATION_H - args.PAD_TOP, tap % args.S * args.DILATION_W - args.PAD_LEFT);
  return Rows4(window, (window.x * args.W + window.y) * vectors + channel, channel, tap * args.C + 4u * channel);
}

fn place(rows4: Rows4, cursor: Cursor) -> Place {
  return rows4;
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  // Pixels past the end have a line that no tap brings back inside.
  let y = select(Four(0x80000000u), cursor.y, dy_of(cursor.dy) < Four(args.N * args.P * args.Q * (pad4(args.K) / 4u)));
  return Step(all_four(y), all_four(cursor.x), all_four(cursor.at), cursor.dy);
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = step.at + place.at;
  return mat4x4f(vec4f(x[at.x]), vec4f(x[at.y]), vec4f(x[at.z]), vec4f(x[at.w]));
}

fn finish_rows(rows: mat4x4f, place: Place, step: Step) -> mat4x4f {
  // What would be negative has wrapped around to huge.
  let inside = (step.y + place.tap.x < vec4u(args.H)) & (step.x + place.tap.y < vec4u(args.W));
  return masked(rows, select(vec4u(0u), vec4u(0xffffffffu), inside));
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
  let rows = args.R * args.S * args.C;
  if (rows4.row >= rows || column >= columns) {
    return;
  }
  let channel = 4u * rows4.channel;
  let mask = lane_mask(column, args.K);
  var c = tile;
  for (var i = 0u; i < 4u; i++) {
    if (channel + i < args.C) {
      let at = (slice * rows + rows4.row + i) * columns + column;
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
  let rows = args.R * args.S * pad4(args.C);
  let split = tile_slice(number, local, rows, args.K);
  if (split >= args.SPLITS) {
    return;
  }
  let origin = tile_origin(number, local, rows, args.K);
  let chunk = ((args.N * args.P * args.Q + 3u) / 4u + args.SPLITS - 1u) / args.SPLITS * 4u;
  let begin = min(split * chunk, args.N * args.P * args.Q);
  let end = min(begin + chunk, args.N * args.P * args.Q);

  let own_rows = tile_rows(origin.row);
  var tile: Tile;
  tile_walk(&tile, own_rows, Range(begin, end), origin.column);
  tile_store(&tile, own_rows, split, origin.column);
}

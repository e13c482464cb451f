// dw[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, c] dy[n,p,q,k]
//
// For each tap (r,s) a matrix product: rows are input channels, columns are output channels, the depth is the
// pixels (n,p,q), flattened. One invocation computes one register tile. The pixels are divided among SPLITS,
// so that there are enough invocations; dw then holds SPLITS partial sums for split_sum to add up in order.
//
// x         (N, H, W, C)
// dy        (N, P, Q, K)
// dw        (R, S, C, K), or (SPLITS, R, S, C, K); padding lanes are zero because those of dy are
// dispatch  one invocation for each split, tap and tile of C × K; rows of tiles count in fours by
//           quads, rows and columns in those of a workgroup by groups
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index
// link: tile_4x4 + alone + flat | tile_4x8 + alone + flat | tile_8x8 + alone + flat
// link: tile_4x16 + quad + flat | tile_8x16 + quad + flat
// link: tile_4x4 + group_8x8 | tile_4x4 + group_16x16 | tile_8x8 + group_8x8 | tile_8x8 + group_16x8

override N: u32;
override H: u32;
override W: u32;
override C: u32;
override K: u32;
override R: u32;
override S: u32;
override P: u32;
override Q: u32;
override STRIDE_H: u32;
override STRIDE_W: u32;
override DILATION_H: u32;
override DILATION_W: u32;
override PAD_TOP: u32;
override PAD_LEFT: u32;
override SPLITS: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;

// Four input channels: the first of them; the number of their vec4.
alias Quad = u32;
alias Place = u32;

// Four pixels: their vec4s in x, less the channel, with all bits set where they are inside (a mask is cheaper
// than a choice), and in dy, less the column.
struct Step {
  at: vec4u,
  mask: vec4u,
  dy: Four,
}

// The pixels `begin` … `end` − 1, under one tap of the filter.
struct Range {
  tap: vec2u,
  begin: u32,
  end: u32,
}

// Four output pixels in order.
struct Cursor {
  first: u32,
  n: Four,
  p: Four,
  q: Four,
}

fn quad(row: u32) -> Quad {
  return row;
}

fn place(quad: Quad, cursor: Cursor) -> Place {
  return min(quad / 4u, pad4(C) / 4u - 1u);
}

fn range_steps(range: Range) -> u32 {
  return (range.end - range.begin + 3u) / 4u;
}

fn cursor_at(range: Range, i: u32) -> Cursor {
  let first = range.begin + 4u * i;
  let pixel = four_from(first);
  return Cursor(first, pixel / (P * Q), pixel / Q % P, pixel % Q);
}

fn stride(range: Range, n: u32) -> Cursor {
  return Cursor(4u * n, Four(4u * n / (P * Q)), Four(4u * n / Q % P), Four(4u * n % Q));
}

fn skip(range: Range, cursor: Cursor, by: Cursor) -> Cursor {
  let q = cursor.q + by.q;
  let next_line = q >= Four(Q);
  let p = cursor.p + by.p + select(Four(0u), Four(1u), next_line);
  let next_image = p >= Four(P);
  return Cursor(
    cursor.first + by.first,
    cursor.n + by.n + select(Four(0u), Four(1u), next_image),
    select(p, p - P, next_image),
    select(q, q - Q, next_line),
  );
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  let row = cursor.p * STRIDE_H + range.tap.x * DILATION_H - PAD_TOP;
  let column = cursor.q * STRIDE_W + range.tap.y * DILATION_W - PAD_LEFT;
  // What would be negative has wrapped around to huge.
  let inside = (cursor.n < Four(N)) & (row < Four(H)) & (column < Four(W));
  let pixel = select(Four(0u), (cursor.n * H + row) * W + column, inside);
  let output = min(four_from(cursor.first), Four(N * P * Q - 1u));
  let mask = select(Four(0u), Four(0xffffffffu), inside);
  return Step(all_four(pixel * (pad4(C) / 4u)), all_four(mask), output * (pad4(K) / 4u));
}

fn load(at: u32, mask: u32) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(x[at])) & vec4u(mask));
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = step.at + place;
  return transpose(mat4x4f(
    load(at.x, step.mask.x),
    load(at.y, step.mask.y),
    load(at.z, step.mask.z),
    load(at.w, step.mask.w),
  ));
}

fn load_shared(at: u32) -> vec4f {
  return vec4f(dy[at]);
}

fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(step.dy + min(column, pad4(K) / 4u - 1u));
}

fn store_row(slice: u32, row: u32, column: u32, value: vec4f) {
  if (row >= C || column >= pad4(K) / 4u) {
    return;
  }
  let at = (slice * C + row) * (pad4(K) / 4u) + column;
  var v = value;
  if (ACCUMULATE == 1u) {
    v += dw[at];
  }
  dw[at] = v;
}

fn store_rows(quad: Quad, slice: u32, column: u32, c: mat4x4f) {
  store_row(slice, quad, column, c[0]);
  store_row(slice, quad + 1u, column, c[1]);
  store_row(slice, quad + 2u, column, c[2]);
  store_row(slice, quad + 3u, column, c[3]);
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, 0u, 1u);
  let slice = tile_slice(number, local, C, K);
  let split = slice / (R * S);
  if (split >= SPLITS) {
    return;
  }
  let tile_at = tile_place(number, local, C, K);
  let tap = vec2u(slice % (R * S) / S, slice % S);
  let chunk = ((N * P * Q + 3u) / 4u + SPLITS - 1u) / SPLITS * 4u;
  let begin = min(split * chunk, N * P * Q);
  let end = min(begin + chunk, N * P * Q);

  let quads = tile_quads(tile_at.row);
  var tile: Tile;
  tile_walk(&tile, quads, Range(tap, begin, end), tile_at.column);
  tile_store(&tile, quads, slice, tile_at.column);
}

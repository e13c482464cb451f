// dw[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, c] dy[n,p,q,k]
//
// For each tap (r,s) a matrix product: rows are input channels, columns are output channels, the depth is the
// pixels (n,p,q), flattened. One invocation computes one register tile. The pixels are divided among SPLITS,
// so that there are enough invocations; dw then holds SPLITS partial sums for split_sum to add up in order.
//
// x         (N, H, W, C)
// dy        (N, P, Q, K)
// dw        (R, S, C, K), or (SPLITS, R, S, C, K); padding lanes are zero because those of dy are
// dispatch  one invocation for each split, tap and tile of C × K; by quads, rows of tiles count in fours
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(N·P·Q) relative
// use: index
// link: tile_4x4 + alone | tile_4x8 + alone | tile_8x8 + alone | tile_4x16 + quad | tile_8x16 + quad

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

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;

// Four input channels: the first of them; the number of their vec4.
alias Quad = u32;
alias Place = u32;
alias Tap = u32;

// Four pixels: their vec4s in x, less the channel, with all bits set where they are inside (a mask is cheaper
// than a choice), and in dy, less the column.
struct Step {
  at: vec4u,
  mask: vec4u,
  dy: Four,
}

// Four output pixels in order, with what is added to go on by four.
struct Pixels {
  n: Four,
  p: Four,
  q: Four,
}

fn quad(row: u32) -> Quad {
  return row;
}

fn place(quad: Quad, tap: Tap) -> Place {
  return min(quad / 4u, pad4(C) / 4u - 1u);
}

fn pixels_at(first: u32) -> Pixels {
  let pixel = four_from(first);
  return Pixels(pixel / (P * Q), pixel / Q % P, pixel % Q);
}

// The next four pixels by carrying, without a division: 4 = (4 / PQ) PQ + (4 / Q mod P) Q + 4 mod Q.
fn pixels_next(a: Pixels) -> Pixels {
  let q = a.q + 4u % Q;
  let carry_q = q >= Four(Q);
  let p = a.p + 4u / Q % P + select(Four(0u), Four(1u), carry_q);
  let carry_p = p >= Four(P);
  let n = a.n + 4u / (P * Q) + select(Four(0u), Four(1u), carry_p);
  return Pixels(n, select(p, p - P, carry_p), select(q, q - Q, carry_q));
}

fn step_at(first: u32, pixels: Pixels, tap: vec2u) -> Step {
  let row = pixels.p * STRIDE_H + tap.x * DILATION_H - PAD_TOP;
  let column = pixels.q * STRIDE_W + tap.y * DILATION_W - PAD_LEFT;
  // What would be negative has wrapped around to huge.
  let inside = (pixels.n < Four(N)) & (row < Four(H)) & (column < Four(W));
  let pixel = select(Four(0u), (pixels.n * H + row) * W + column, inside);
  let output = min(four_from(first), Four(N * P * Q - 1u));
  let mask = select(Four(0u), Four(0xffffffffu), inside);
  return Step(all_four(pixel * (pad4(C) / 4u)), all_four(mask), output * (pad4(K) / 4u));
}

fn load(at: u32, mask: u32) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x[at]) & vec4u(mask));
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
  return dy[at];
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

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let column_tiles = (K + TILE_COLUMNS - 1u) / TILE_COLUMNS;
  let row_tiles = (C + TILE_ROWS - 1u) / TILE_ROWS;
  let part = tile_place(id, row_tiles, column_tiles);
  let column = part.column * (TILE_COLUMNS / 4u);
  let row = part.row * TILE_ROWS;
  let slice = part.slice;
  let split = slice / (R * S);
  if (split >= SPLITS) {
    return;
  }
  let tap = vec2u(slice % (R * S) / S, slice % S);
  let chunk = ((N * P * Q + 3u) / 4u + SPLITS - 1u) / SPLITS * 4u;
  let begin = split * chunk;
  let end = min(begin + chunk, N * P * Q);

  let quads = tile_quads(row);
  let places = tile_places(quads, 0u);
  var tile: Tile;
  var pixels = pixels_at(begin);
  for (var pixel = begin; pixel < end; pixel += 4u) {
    tile_accumulate(&tile, places, step_at(pixel, pixels, tap), column);
    pixels = pixels_next(pixels);
  }
  tile_store(&tile, quads, slice, column);
}

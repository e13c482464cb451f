// y[n,p,q,k] = f(bias[k] + Σ_{r,s,c} x[n, p·stride + r·dilation − pad, q·stride + s·dilation − pad, c] w[r,s,c,k])
//
// Implicit GEMM: rows are the pixels (n,p,q), flattened so that small planes waste nothing, columns are
// output channels, the depth is (r,s,c). One invocation computes one register tile. With SPLITS > 1 the
// input channels are divided and y holds SPLITS partial sums, without bias and f, for split_sum to finish.
//
// x         (N, H, W, C)
// w         (R, S, C, K)
// bias      (K), not read where HAS_BIAS is 0
// y         (N, P, Q, K) or (SPLITS, N, P, Q, K); padding lanes are zero
// dispatch  one invocation for each split and tile of N·P·Q × K; rows of tiles count in
//           fours by quads, rows and columns in those of a workgroup by groups
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·C) relative
// source    Chellapilla, Puri and Simard 2006 (convolution as a matrix product)
// use: index, taps, activation
// link: tile_4x4 + alone + flat | tile_4x8 + alone + flat | tile_8x8 + alone + flat
// link: tile_8x8 + alone + deep | tile_4x16 + quad + flat | tile_8x16 + quad + deep
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
override HAS_BIAS: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<y4>;

// Four output pixels from `row` on: their image's first pixel, and the input pixel under filter tap (0, 0).
struct Quad {
  row: u32,
  image: vec4i,
  y: vec4i,
  x: vec4i,
}

// The four vec4s, less the depth, and all bits set where they are inside: a mask is cheaper than a choice.
struct Place {
  at: vec4u,
  mask: vec4u,
}

// Four input channels: number of the vec4, and the first row of weights of the tap.
struct Step {
  depth: u32,
  weight: u32,
}

fn quad(row: u32) -> Quad {
  let pixel = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(N * P * Q - 1u));
  let line = pixel / Q;
  return Quad(
    row,
    vec4i(line / P * (H * W)),
    vec4i(line % P * STRIDE_H) - i32(PAD_TOP),
    vec4i(pixel % Q * STRIDE_W) - i32(PAD_LEFT),
  );
}

fn place(quad: Quad, cursor: Cursor) -> Place {
  let row = quad.y + i32(cursor.tap.x * DILATION_H);
  let column = quad.x + i32(cursor.tap.y * DILATION_W);
  // Negative numbers are huge as u32.
  let inside = (vec4u(row) < vec4u(H)) & (vec4u(column) < vec4u(W));
  let pixel = quad.image + row * i32(W) + column;
  let mask = select(vec4u(0u), vec4u(0xffffffffu), inside);
  return Place(vec4u(select(vec4i(0), pixel, inside)) * (pad4(C) / 4u), mask);
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  return Step(cursor.depth, (cursor.tap.x * S + cursor.tap.y) * C);
}

fn load(at: u32, mask: u32) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(x[at])) & vec4u(mask));
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place.at + step.depth;
  return mat4x4f(
    load(at.x, place.mask.x),
    load(at.y, place.mask.y),
    load(at.z, place.mask.z),
    load(at.w, place.mask.w),
  );
}

fn load_shared(at: u32) -> vec4f {
  return w[at];
}

// Weights of four input channels; those past C meet only the zero padding of x.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  let channel = min(four_from(4u * step.depth), Four(C - 1u));
  let at = (step.weight + channel) * (pad4(K) / 4u) + min(column, pad4(K) / 4u - 1u);
  return load_four(at);
}

fn store_row(split: u32, row: u32, column: u32, value: vec4f) {
  if (row >= N * P * Q || column >= pad4(K) / 4u) {
    return;
  }
  var v = value;
  if (SPLITS == 1u) {
    if (HAS_BIAS == 1u) {
      v += bias[column];
    }
    v = activate(v) * lane_mask(column, K);
  }
  y[(split * (N * P * Q) + row) * (pad4(K) / 4u) + column] = y4(v);
}

fn store_rows(quad: Quad, slice: u32, column: u32, c: mat4x4f) {
  store_row(slice, quad.row, column, c[0]);
  store_row(slice, quad.row + 1u, column, c[1]);
  store_row(slice, quad.row + 2u, column, c[2]);
  store_row(slice, quad.row + 3u, column, c[3]);
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, 0u, 1u);
  let split = tile_slice(number, local, N * P * Q, K);
  if (split >= SPLITS) {
    return;
  }
  let tile_at = tile_place(number, local, N * P * Q, K);
  let chunk = (pad4(C) / 4u + SPLITS - 1u) / SPLITS;
  let begin = min(split * chunk, pad4(C) / 4u);
  let end = min(begin + chunk, pad4(C) / 4u);

  let quads = tile_quads(tile_at.row);
  var tile: Tile;
  tile_walk(&tile, quads, Range(vec2u(R, S), begin, end), tile_at.column);
  tile_store(&tile, quads, split, tile_at.column);
}

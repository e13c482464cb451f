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

struct Shape {
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
@group(0) @binding(4) var<uniform> shape: Shape;

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
  let pixel = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(shape.N * shape.P * shape.Q - 1u));
  let line = pixel / shape.Q;
  return Quad(
    row,
    vec4i(line / shape.P * (shape.H * shape.W)),
    vec4i(line % shape.P * shape.STRIDE_H) - i32(shape.PAD_TOP),
    vec4i(pixel % shape.Q * shape.STRIDE_W) - i32(shape.PAD_LEFT),
  );
}

fn place(quad: Quad, cursor: Cursor) -> Place {
  let row = quad.y + i32(cursor.tap.x * shape.DILATION_H);
  let column = quad.x + i32(cursor.tap.y * shape.DILATION_W);
  // Negative numbers are huge as u32.
  let inside = (vec4u(row) < vec4u(shape.H)) & (vec4u(column) < vec4u(shape.W));
  let pixel = quad.image + row * i32(shape.W) + column;
  let mask = select(vec4u(0u), vec4u(0xffffffffu), inside);
  return Place(vec4u(select(vec4i(0), pixel, inside)) * (pad4(shape.C) / 4u), mask);
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  return Step(cursor.depth, (cursor.tap.x * shape.S + cursor.tap.y) * shape.C);
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
  let channel = min(four_from(4u * step.depth), Four(shape.C - 1u));
  let at = (step.weight + channel) * (pad4(shape.K) / 4u) + min(column, pad4(shape.K) / 4u - 1u);
  return load_four(at);
}

fn store_rows(quad: Quad, split: u32, column: u32, tile: mat4x4f) {
  let rows = shape.N * shape.P * shape.Q;
  let columns = pad4(shape.K) / 4u;
  if (column >= columns) {
    return;
  }
  var offset = vec4f(0.0);
  if (shape.HAS_BIAS == 1u && shape.SPLITS == 1u) {
    offset = bias[column];
  }
  let mask = lane_mask(column, shape.K);
  var c = tile;
  for (var i = 0u; i < 4u; i++) {
    if (quad.row + i < rows) {
      var v = c[i];
      if (shape.SPLITS == 1u) {
        v = activate(v + offset) * mask;
      }
      y[(split * rows + quad.row + i) * columns + column] = y4(v);
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
  let split = tile_slice(number, local, shape.N * shape.P * shape.Q, shape.K);
  if (split >= shape.SPLITS) {
    return;
  }
  let tile_at = tile_place(number, local, shape.N * shape.P * shape.Q, shape.K);
  let chunk = (pad4(shape.C) / 4u + shape.SPLITS - 1u) / shape.SPLITS;
  let begin = min(split * chunk, pad4(shape.C) / 4u);
  let end = min(begin + chunk, pad4(shape.C) / 4u);

  let quads = tile_quads(tile_at.row);
  var tile: Tile;
  tile_walk(&tile, quads, Range(vec2u(shape.R, shape.S), begin, end), tile_at.column);
  tile_store(&tile, quads, split, tile_at.column);
}

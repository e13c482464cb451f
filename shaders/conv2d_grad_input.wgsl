// dx[n,h,w,c] = Σ_{r,s,k} dy[n,p,q,k] w[r,s,c,k], or dx += …, over the taps (r,s) for which
// p = (h + pad − r·dilation) / stride is a whole number of 0 … P−1, and q likewise.
//
// Gather form by residue phases: the pixels with equal h mod stride and w mod stride meet the same taps, every
// `stride / gcd(stride, dilation)`-th one, so within a phase this is a convolution of stride 1 and no product
// with an inserted zero is ever computed. Implicit GEMM within a phase: rows are its pixels, columns are
// input channels, the depth is (r,s,k). One invocation computes one register tile.
//
// dy        (N, P, Q, K)
// w         (R, S, C, K)
// dx        (N, H, W, C); padding lanes are zero
// dispatch  one invocation for each phase and tile of N·⌈H/stride⌉·⌈W/stride⌉ × C
// numerics  f32 sums in a fixed order; tolerance 1e-6 · √(R·S·K) relative
// source    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", §4
// use: index
// link: tile_4x4 | tile_8x8

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
override TAP_STEP_H: u32;  // stride / gcd(stride, dilation)
override TAP_STEP_W: u32;
override ACCUMULATE: u32;

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;

// Four input pixels: their image's first output pixel, and the output pixel that the phase's first tap meets.
struct Quad {
  image: vec4i,
  y: vec4i,
  x: vec4i,
}

alias Tap = vec2i;

struct Place {
  at: vec4u,
  inside: vec4<bool>,
}

// Four output channels: number of the vec4, and the first row of weights of the tap.
struct Step {
  depth: u32,
  weight: u32,
}

// Pixels of a phase, its first pixel and its first tap.
struct Phase {
  size: vec2u,
  pixel: vec2u,
  tap: vec2u,
}

var<private> phase: Phase;

// The first tap that meets pixels with this (h + pad) mod stride, or `taps` where none does.
fn first_tap(residue: u32, taps: u32, stride: u32, dilation: u32) -> u32 {
  var tap = 0u;
  while (tap < taps && tap * dilation % stride != residue) {
    tap++;
  }
  return tap;
}

fn make_phase(number: u32) -> Phase {
  let pixel = vec2u(number / STRIDE_W, number % STRIDE_W);
  let stride = vec2u(STRIDE_H, STRIDE_W);
  let residue = (pixel + vec2u(PAD_TOP, PAD_LEFT)) % stride;
  return Phase(
    (vec2u(H, W) + stride - 1u - pixel) / stride,
    pixel,
    vec2u(first_tap(residue.x, R, STRIDE_H, DILATION_H), first_tap(residue.y, S, STRIDE_W, DILATION_W)),
  );
}

fn quad(row: u32) -> Quad {
  let pixel = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(N * phase.size.x * phase.size.y - 1u));
  let line = pixel / phase.size.y;
  let h = line % phase.size.x * STRIDE_H + phase.pixel.x + PAD_TOP;
  let w = pixel % phase.size.y * STRIDE_W + phase.pixel.y + PAD_LEFT;
  // Whole numbers, for the residues of both terms are equal.
  return Quad(
    vec4i(line / phase.size.x * (P * Q)),
    (vec4i(h) - i32(phase.tap.x * DILATION_H)) / i32(STRIDE_H),
    (vec4i(w) - i32(phase.tap.y * DILATION_W)) / i32(STRIDE_W),
  );
}

fn place(quad: Quad, tap: Tap) -> Place {
  let row = quad.y - tap.x;
  let column = quad.x - tap.y;
  // Negative numbers are huge as u32.
  let inside = (vec4u(row) < vec4u(P)) & (vec4u(column) < vec4u(Q));
  let pixel = quad.image + row * i32(Q) + column;
  return Place(vec4u(select(vec4i(0), pixel, inside)) * (pad4(K) / 4u), inside);
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place.at + step.depth;
  let zero = vec4f(0.0);
  return mat4x4f(
    select(zero, dy[at.x], place.inside.x),
    select(zero, dy[at.y], place.inside.y),
    select(zero, dy[at.z], place.inside.z),
    select(zero, dy[at.w], place.inside.w),
  );
}

fn load_columns(step: Step, column: u32) -> mat4x4f {
  let c = min(4u * vec4u(column) + vec4u(0u, 1u, 2u, 3u), vec4u(C - 1u));
  let at = (step.weight + c) * (pad4(K) / 4u) + step.depth;
  return transpose(mat4x4f(w[at.x], w[at.y], w[at.z], w[at.w]));
}

fn store_row(row: u32, column: u32, value: vec4f) {
  if (row >= N * phase.size.x * phase.size.y || column >= pad4(C) / 4u) {
    return;
  }
  let line = row / phase.size.y;
  let h = line % phase.size.x * STRIDE_H + phase.pixel.x;
  let w = row % phase.size.y * STRIDE_W + phase.pixel.y;
  let at = ((line / phase.size.x * H + h) * W + w) * (pad4(C) / 4u) + column;
  var v = value * lane_mask(column, C);
  if (ACCUMULATE == 1u) {
    v += dx[at];
  }
  dx[at] = v;
}

fn store_rows(slice: u32, row: u32, column: u32, c: mat4x4f) {
  store_row(row, column, c[0]);
  store_row(row + 1u, column, c[1]);
  store_row(row + 2u, column, c[2]);
  store_row(row + 3u, column, c[3]);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let column_tiles = (C + TILE_COLUMNS - 1u) / TILE_COLUMNS;
  let pixels = N * ((H + STRIDE_H - 1u) / STRIDE_H) * ((W + STRIDE_W - 1u) / STRIDE_W);
  let row_tiles = (pixels + TILE_ROWS - 1u) / TILE_ROWS;
  let column = id % column_tiles * (TILE_COLUMNS / 4u);
  let row = id / column_tiles % row_tiles * TILE_ROWS;
  let number = id / (column_tiles * row_tiles);
  if (number >= STRIDE_H * STRIDE_W) {
    return;
  }
  phase = make_phase(number);
  if (row >= N * phase.size.x * phase.size.y) {
    return;
  }

  let quads = tile_quads(row);
  var tile: Tile;
  var p = 0;
  for (var r = phase.tap.x; r < R; r += TAP_STEP_H) {
    var q = 0;
    for (var s = phase.tap.y; s < S; s += TAP_STEP_W) {
      let places = tile_places(quads, vec2i(p, q));
      for (var depth = 0u; depth < pad4(K) / 4u; depth++) {
        tile_accumulate(&tile, places, Step(depth, (r * S + s) * C), column);
      }
      q += i32(TAP_STEP_W * DILATION_W / STRIDE_W);
    }
    p += i32(TAP_STEP_H * DILATION_H / STRIDE_H);
  }
  tile_store(&tile, number, row, column);
}

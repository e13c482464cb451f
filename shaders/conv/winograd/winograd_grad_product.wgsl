// m[t] = v[t]ᵀ · z[t] for the T points t of transformed tiles, or m[t] += …
//
// T matrix products, the depth of which are the tiles; one invocation computes one register tile.
//
// v         (T, TILES, C), TILES a multiple of 4
// z         (T, TILES, K)
// m         (T, pad4(C), K), padding lanes and rows past C without meaning
// dispatch  one invocation for each t and tile of C × K; quads and workgroups count whole
// numerics  f32 sums in the order of the tiles; see winograd_grad_weight
// source    Lavin and Gray 2016
// use: index, taps
// link: tile_4x4 + alone + deep | tile_4x8 + alone + deep | tile_8x8 + alone + deep
// link: tile_4x16 + quad + deep | tile_8x16 + quad + deep
// link: tile_4x4 + group_8x8 | tile_4x4 + group_16x16 | tile_8x8 + group_8x8 | tile_8x8 + group_16x8

struct Shape {
  T: u32,
  TILES: u32,
  C: u32,
  K: u32,
  ACCUMULATE: u32,
}

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<uniform> shape: Shape;

// The first of four channels; the number of their vec4.
alias Quad = u32;
alias Place = u32;

// The first vec4s of four tiles in v and in z.
struct Step {
  rows: vec4u,
  columns: Four,
}

// The product that this invocation works on.
var<private> t: u32;

fn quad(row: u32) -> Quad {
  return row;
}

fn place(quad: Quad, cursor: Cursor) -> Place {
  return min(quad / 4u, pad4(shape.C) / 4u - 1u);
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  let tile = t * shape.TILES + 4u * cursor.depth;
  let rows = (tile + vec4u(0u, 1u, 2u, 3u)) * (pad4(shape.C) / 4u);
  return Step(rows, four_from(tile) * (pad4(shape.K) / 4u));
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = step.rows + place;
  return transpose(mat4x4f(v[at.x], v[at.y], v[at.z], v[at.w]));
}

fn load_shared(at: u32) -> vec4f {
  return z[at];
}

// Columns past the end are those of another tile; they are not stored.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(step.columns + column);
}

fn store_rows(quad: Quad, slice: u32, column: u32, c: mat4x4f) {
  let columns = pad4(shape.K) / 4u;
  if (quad >= shape.C || column >= columns) {
    return;
  }
  let at = vec4u(0u, 1u, 2u, 3u) * columns + (slice * pad4(shape.C) + quad) * columns + column;
  var sum = c;
  if (shape.ACCUMULATE == 1u) {
    sum += mat4x4f(m[at.x], m[at.y], m[at.z], m[at.w]);
  }
  m[at.x] = sum[0];
  m[at.y] = sum[1];
  m[at.z] = sum[2];
  m[at.w] = sum[3];
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, 0u, 1u);
  let slice = tile_slice(number, local, shape.C, shape.K);
  if (slice >= shape.T) {
    return;
  }
  t = slice;
  let tile_at = tile_place(number, local, shape.C, shape.K);
  let quads = tile_quads(tile_at.row);
  var tile: Tile;
  tile_walk(&tile, quads, Range(vec2u(1u), 0u, shape.TILES / 4u), tile_at.column);
  tile_store(&tile, quads, slice, tile_at.column);
}

// m[t] = v[t] · u[t] for the T points t of transformed tiles
//
// T matrix products; one invocation computes one register tile.
//
// v         (T, ROWS, C)
// u         (T, pad4(C), K), finite in the rows past C, which meet only the zero padding of v
// m         (T, ROWS, K); padding lanes are zero because those of u are
// dispatch  one invocation for each t and tile of ROWS × K; by quads, rows of tiles count in fours
// numerics  f32 sums in the order of c; see winograd_output
// source    Lavin and Gray 2016
// use: index
// link: tile_4x4 + alone | tile_4x8 + alone | tile_8x8 + alone | tile_4x16 + quad | tile_8x16 + quad

override T: u32;
override ROWS: u32;
override C: u32;
override K: u32;

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;

// The first of four rows.
alias Quad = u32;
// The number t of the product.
alias Tap = u32;
// The four rows' first vec4s in v.
alias Place = vec4u;

// Four channels: number of the vec4, and the first vec4s of their rows in u.
struct Step {
  depth: u32,
  weights: Four,
}

fn quad(row: u32) -> Quad {
  return row;
}

fn place(quad: Quad, t: Tap) -> Place {
  let row = min(vec4u(quad) + vec4u(0u, 1u, 2u, 3u), vec4u(ROWS - 1u));
  return (t * ROWS + row) * (pad4(C) / 4u);
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place + step.depth;
  return mat4x4f(v[at.x], v[at.y], v[at.z], v[at.w]);
}

fn load_shared(at: u32) -> vec4f {
  return u[at];
}

// Columns past the end are those of another row, which are not stored.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(step.weights + column);
}

fn store_row(t: u32, row: u32, column: u32, value: vec4f) {
  if (row < ROWS && column < pad4(K) / 4u) {
    m[(t * ROWS + row) * (pad4(K) / 4u) + column] = value;
  }
}

fn store_rows(quad: Quad, t: u32, column: u32, c: mat4x4f) {
  store_row(t, quad, column, c[0]);
  store_row(t, quad + 1u, column, c[1]);
  store_row(t, quad + 2u, column, c[2]);
  store_row(t, quad + 3u, column, c[3]);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let column_tiles = (K + TILE_COLUMNS - 1u) / TILE_COLUMNS;
  let row_tiles = (ROWS + TILE_ROWS - 1u) / TILE_ROWS;
  let part = tile_place(id, row_tiles, column_tiles);
  let column = part.column * (TILE_COLUMNS / 4u);
  let t = part.slice;
  if (t >= T) {
    return;
  }
  let quads = tile_quads(part.row * TILE_ROWS);
  let places = tile_places(quads, t);
  var tile: Tile;
  var weights = (t * pad4(C) + four_from(0u)) * (pad4(K) / 4u);
  for (var depth = 0u; depth < pad4(C) / 4u; depth++) {
    tile_accumulate(&tile, places, Step(depth, weights), column);
    weights += pad4(K);
  }
  tile_store(&tile, quads, t, column);
}

// m[t] = v[t] · u[t] for the T points t of transformed tiles
//
// T matrix products; one invocation computes one register tile.
//
// v         (T, ROWS, C), ROWS a multiple of 4
// u         (T, pad4(C), K), finite in the rows past C, which meet only the zero padding of v
// m         (T, ROWS, K), padding lanes without meaning
// dispatch  one invocation for each t and tile of ROWS × K; quads and workgroups count whole
// numerics  f32 sums in the order of c; see winograd_output
// source    Lavin and Gray 2016
// use: index, taps
// link: tile_4x4 + alone + deep | tile_4x8 + alone + deep | tile_8x8 + alone + deep
// link: tile_4x16 + quad + deep | tile_8x16 + quad + deep
// link: tile_4x4 + group_8x8 | tile_4x4 + group_16x16 | tile_8x8 + group_8x8 | tile_8x8 + group_16x8

struct Shape {
  T: u32,
  ROWS: u32,
  C: u32,
  K: u32,
}

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<uniform> shape: Shape;

// The first of four rows.
alias Quad = u32;
// The four rows' first vec4s in v.
alias Place = vec4u;

// Four channels: number of the vec4, and the first vec4s of their rows in u.
struct Step {
  depth: u32,
  weights: Four,
}

// The product that this invocation works on.
var<private> t: u32;

fn quad(row: u32) -> Quad {
  return row;
}

fn place(quad: Quad, cursor: Cursor) -> Place {
  let row = min(quad, shape.ROWS - 4u) + vec4u(0u, 1u, 2u, 3u);
  return (t * shape.ROWS + row) * (pad4(shape.C) / 4u);
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  return Step(cursor.depth, (t * pad4(shape.C) + four_from(4u * cursor.depth)) * (pad4(shape.K) / 4u));
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place + step.depth;
  return mat4x4f(v[at.x], v[at.y], v[at.z], v[at.w]);
}

fn load_shared(at: u32) -> vec4f {
  return u[at];
}

// Columns past the end are those of another row; they are not stored.
fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(step.weights + column);
}

fn store_rows(quad: Quad, slice: u32, column: u32, c: mat4x4f) {
  let columns = pad4(shape.K) / 4u;
  if (quad >= shape.ROWS || column >= columns) {
    return;
  }
  let at = (slice * shape.ROWS + quad) * columns + column;
  m[at] = c[0];
  m[at + columns] = c[1];
  m[at + 2u * columns] = c[2];
  m[at + 3u * columns] = c[3];
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let number = linear_id(group, groups, 0u, 1u);
  let slice = tile_slice(number, local, shape.ROWS, shape.K);
  if (slice >= shape.T) {
    return;
  }
  t = slice;
  let tile_at = tile_place(number, local, shape.ROWS, shape.K);
  let quads = tile_quads(tile_at.row);
  var tile: Tile;
  tile_walk(&tile, quads, Range(vec2u(1u), 0u, pad4(shape.C) / 4u), tile_at.column);
  tile_store(&tile, quads, slice, tile_at.column);
}

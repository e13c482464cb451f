// m[t] = v[t] · u[t] for the T points t of transformed tiles
//
// T matrix products; one invocation computes one register tile.
//
// v         (T, ROWS, C), ROWS a multiple of 4
// u         (T, pad4(C), K), finite in the rows past C, which meet only the zero padding of v
// m         (T, ROWS, K), padding lanes without meaning
// dispatch  one invocation for each t and tile of ROWS × K, in whole quads or workgroups where those share
// numerics  f32 sums in the order of c; see winograd_output
// source    Lavin and Gray 2016
// use: index, range_taps
// link: tile=8x8 share=workgroup group=16x8 | tile=8x8 share=workgroup group=8x8
// link: tile=4x8 share=workgroup group=16x8 | tile=4x4 share=workgroup group=16x16
// link: tile=4x4 share=workgroup group=8x8
// link: tile=8x16 share=quad walk=nested | tile=4x16 share=quad walk=nested
// link: tile=16x16 share=none walk=nested
// link: tile=8x8 share=none walk=nested | tile=4x8 share=none walk=nested | tile=4x4 share=none walk=nested

struct Args {
  T: u32,
  ROWS: u32,
  C: u32,
  K: u32,
}

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<uniform> args: Args;

// The first of four rows.
alias Rows4 = u32;
// The four rows' first vec4s in v; rows and columns past the end are others', and not stored.
alias Place = vec4u;

fn rows4(row: u32) -> Rows4 {
  return row;
}

fn place(rows4: Rows4, cursor: Cursor) -> Place {
  return vec4u(0u, 1u, 2u, 3u) * (pad4(args.C) / 4u) + rows4 * (pad4(args.C) / 4u);
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = place + step.at.x;
  return mat4x4f(v[at.x], v[at.y], v[at.z], v[at.w]);
}

fn finish_rows(rows: mat4x4f, place: Place, step: Step) -> mat4x4f {
  return rows;
}

fn as_rows(a: mat4x4f) -> mat4x4f {
  return a;
}

fn load_vec4(at: u32) -> vec4f {
  return u[at];
}

fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(four_from(0u) * (pad4(args.K) / 4u) + (step.at.y + column));
}

fn as_columns(b: mat4x4f) -> mat4x4f {
  return b;
}

fn store_rows(rows4: Rows4, slice: u32, column: u32, c: mat4x4f) {
  let columns = pad4(args.K) / 4u;
  if (rows4 >= args.ROWS || column >= columns) {
    return;
  }
  let at = (slice * args.ROWS + rows4) * columns + column;
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
  let t = tile_slice(number, local, args.ROWS, args.K);
  if (t >= args.T) {
    return;
  }
  let origin = tile_origin(number, local, args.ROWS, args.K);
  let own_rows = tile_rows(origin.row);
  var tile: Tile;
  let begin = Cursor(vec2u(0u), 0u, t * vec2u(args.ROWS, pad4(args.K)) * (pad4(args.C) / 4u));
  tile_walk(&tile, own_rows, range_line(begin, pad4(args.C) / 4u, vec2u(1u, pad4(args.K))), origin.column);
  tile_store(&tile, own_rows, t, origin.column);
}

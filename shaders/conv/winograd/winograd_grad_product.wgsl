// m[t] = v[t]ᵀ · z[t] for the T points t of transformed tiles, or m[t] += …
//
// T matrix products, the depth of which are the tiles; one invocation computes one register tile.
//
// v         (T, TILES, C), TILES a multiple of 4
// z         (T, TILES, K)
// m         (T, pad4(C), K), padding lanes and rows past C without meaning
// dispatch  one invocation for each t and tile of C × K, in whole quads or workgroups where those share
// numerics  f32 sums in the order of the tiles; see winograd_grad_weight
// source    Lavin and Gray 2016
// use: index, range_taps
// link: tile=8x8 share=workgroup group=16x8 | tile=8x8 share=workgroup group=8x8
// link: tile=4x8 share=workgroup group=16x8 | tile=4x4 share=workgroup group=16x16
// link: tile=4x4 share=workgroup group=8x8
// link: tile=8x16 share=quad walk=nested | tile=16x16 share=none walk=nested
// link: tile=8x8 share=none walk=nested | tile=4x8 share=none walk=nested | tile=4x4 share=none walk=nested

struct Args {
  T: u32,
  TILES: u32,
  C: u32,
  K: u32,
  ACCUMULATE: u32,
}

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<uniform> args: Args;

// The first of four channels; the number of their vec4. Rows and columns past the end are another tile's, and not stored.
alias Rows4 = u32;
alias Place = u32;

fn rows4(row: u32) -> Rows4 {
  return row;
}

fn place(rows4: Rows4, cursor: Cursor) -> Place {
  return rows4 / 4u;
}

fn load_rows(place: Place, step: Step) -> mat4x4f {
  let at = vec4u(0u, 1u, 2u, 3u) * (pad4(args.C) / 4u) + (step.at.x + place);
  return mat4x4f(v[at.x], v[at.y], v[at.z], v[at.w]);
}

fn finish_rows(rows: mat4x4f, place: Place, step: Step) -> mat4x4f {
  return rows;
}

fn as_rows(a: mat4x4f) -> mat4x4f {
  return transpose(a);
}

fn load_vec4(at: u32) -> vec4f {
  return z[at];
}

fn load_columns(step: Step, column: u32) -> mat4x4f {
  return load_four(four_from(0u) * (pad4(args.K) / 4u) + (step.at.y + column));
}

fn as_columns(b: mat4x4f) -> mat4x4f {
  return b;
}

fn store_rows(rows4: Rows4, slice: u32, column: u32, c: mat4x4f) {
  let columns = pad4(args.K) / 4u;
  if (rows4 >= args.C || column >= columns) {
    return;
  }
  let at = vec4u(0u, 1u, 2u, 3u) * columns + (slice * pad4(args.C) + rows4) * columns + column;
  var sum = c;
  if (args.ACCUMULATE == 1u) {
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
  let t = tile_slice(number, local, args.C, args.K);
  if (t >= args.T) {
    return;
  }
  let origin = tile_origin(number, local, args.C, args.K);
  let own_rows = tile_rows(origin.row);
  var tile: Tile;
  let width = vec2u(pad4(args.C), pad4(args.K)) / 4u;
  let begin = Cursor(vec2u(0u), 0u, t * args.TILES * width);
  tile_walk(&tile, own_rows, range_line(begin, args.TILES / 4u, 4u * width), origin.column);
  tile_store(&tile, own_rows, t, origin.column);
}

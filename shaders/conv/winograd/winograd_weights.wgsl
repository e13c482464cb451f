// u[t] = G g Gᵀ for every filter g, where t numbers the points of a transformed tile, row by row
//
// With ROTATED = 0 the filters are those of a convolution, g[r,s] = w[r,s,c,k] in row c, column k of u[t]. With
// ROTATED = 1 they are those of its input gradient, a convolution with the channels exchanged and the window
// turned around: g[r,s] = w[2−r,2−s,c,k] in row k, column c.
//
// w         (3, 3, C, K)
// u         (T, pad4(C), K), or (T, pad4(K), C) where ROTATED is 1; T = 16 or 36; rows and padding lanes past the
//           end are finite and have no meaning
// dispatch  one invocation a vec4 of u[0]
// numerics  f32; see winograd_output
// source    Lavin and Gray 2016
// use: index
// link: winograd=4x4 | winograd=2x2

struct Args {
  C: u32,
  K: u32,
  ROTATED: u32,
}

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

// Number of the vec4 in u[0], vec4s between the points of u, and where its four columns are in w[0,0]: the first, and how
// far apart.
struct At {
  number: u32,
  point: u32,
  first: u32,
  apart: u32,
}

// In scalars, which compile sooner than a branch for each way the columns may lie. What is past C is of another tap, or
// whatever an index past the end gives.
fn load(at: At, r: u32, s: u32) -> vec4f {
  let tap = select(r * 3u + s, 8u - (r * 3u + s), args.ROTATED == 1u);
  let i = tap * args.C * pad4(args.K) + at.first;
  return vec4f(w[i], w[i + at.apart], w[i + 2u * at.apart], w[i + 3u * at.apart]);
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  u[(i * TILE_INPUTS + j) * at.point + at.number] = value;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let rotated = args.ROTATED == 1u;
  let rows = pad4(select(args.C, args.K, rotated));
  let columns = pad4(select(args.K, args.C, rotated)) / 4u;
  if (id >= rows * columns) {
    return;
  }
  let row = id / columns;
  let column = id % columns * 4u;
  let first = select(min(row, args.C - 1u) * pad4(args.K) + column, column * pad4(args.K) + row, rotated);
  transform_weights(At(id, rows * columns, first, select(1u, pad4(args.K), rotated)));
}

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

@group(0) @binding(0) var<storage, read> w: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

// Row and vec4 of the columns in u[t], that vec4's number, and vec4s between the points of u.
struct At {
  row: u32,
  column: u32,
  number: u32,
  point: u32,
}

fn load(at: At, r: u32, s: u32) -> vec4f {
  let columns = pad4(args.K) / 4u;
  if (args.ROTATED == 0u) {
    return w[((r * 3u + s) * args.C + min(at.row, args.C - 1u)) * columns + at.column];
  }
  let tap = 8u - (r * 3u + s);
  let c = min(vec4u(4u * at.column) + vec4u(0u, 1u, 2u, 3u), vec4u(args.C - 1u));
  let i = (tap * args.C + c) * columns + at.row / 4u;
  let lane = at.row % 4u;
  return vec4f(w[i.x][lane], w[i.y][lane], w[i.z][lane], w[i.w][lane]);
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
  if (id < rows * columns) {
    transform_weights(At(id / columns, id % columns, id, rows * columns));
  }
}

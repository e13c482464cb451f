// v[t] = Bᵀ d B for every tile d of the input, where t numbers the points of a transformed tile, row by row
//
// Tiles lie side by side over the output of P × Q, each with the inputs that it sees; past the image are zeros, and
// past the last image, where tiles are counted in fours.
//
// x         (N, H, W, C)
// v         (T, pad4(N·TP·TQ), C), T = 16 or 36; TP × TQ tiles cover P × Q
// dispatch  one invocation for each tile and vec4 of channels
// numerics  f32; see winograd_output
// source    Lavin and Gray 2016
// use: index
// link: winograd=4x4 | winograd=2x2

struct Args {
  N: u32,
  H: u32,
  W: u32,
  C: u32,
  P: u32,
  Q: u32,
  PAD_TOP: u32,
  PAD_LEFT: u32,
}

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

// A line far from all images.
const OUTSIDE = 0x80000000u;

// Place of the tile in its image, numbers of its first vec4s in x and in v, and vec4s between the lines of x and
// between the points of v. What would be negative wraps around.
struct At {
  y: u32,
  x: u32,
  read_at: u32,
  write_at: u32,
  line: u32,
  point: u32,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  // What would be negative is huge. Without `&&`, which branches, and with a mask, which is cheaper than a choice.
  let inside = (at.y + i < args.H) & (at.x + j < args.W);
  let number = select(0u, at.read_at + i * at.line + j * (pad4(args.C) / 4u), inside);
  let mask = select(0u, 0xffffffffu, inside);
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(x[number])) & vec4u(mask));
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  v[(i * TILE_INPUTS + j) * at.point + at.write_at] = value;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let vectors = pad4(args.C) / 4u;
  let rows = (args.P + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
  let columns = (args.Q + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
  let tiles = pad4(args.N * rows * columns);
  let tile = id / vectors;
  if (tile >= tiles) {
    return;
  }
  let row = tile / columns;
  let image = row / rows;
  let y = select(row % rows * TILE_OUTPUTS - args.PAD_TOP, OUTSIDE, image >= args.N);
  let x = tile % columns * TILE_OUTPUTS - args.PAD_LEFT;
  let pixel = (image * args.H + y) * args.W + x;
  transform_input(At(y, x, pixel * vectors + id % vectors, id, args.W * vectors, tiles * vectors));
}

// z[t] = A d Aᵀ for every tile d of an output's gradient, where t numbers the points of a transformed tile
//
// dy        (N, P, Q, K)
// z         (T, pad4(N·TP·TQ), K), T = 36; TP × TQ tiles cover P × Q, past which, and past the last image, are zeros
// dispatch  one invocation for each tile and vec4 of channels
// numerics  f32; see winograd_grad_weight
// source    Lavin and Gray 2016
// use: index, winograd_4x4_adjoint

struct Args {
  N: u32,
  P: u32,
  Q: u32,
  K: u32,
}

alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> dy: array<dy4>;
@group(0) @binding(1) var<storage, read_write> z: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

// A line far from all images.
const OUTSIDE = 0x80000000u;

// Place of the tile in its image, numbers of its first vec4s in dy and in z, and vec4s between the lines of dy and
// between the points of z.
struct At {
  p: u32,
  q: u32,
  read_at: u32,
  write_at: u32,
  line: u32,
  point: u32,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  // Without `&&`, which branches, and with a mask, which is cheaper than a choice.
  let inside = (at.p + i < args.P) & (at.q + j < args.Q);
  let number = select(0u, at.read_at + i * at.line + j * (pad4(args.K) / 4u), inside);
  let mask = select(0u, 0xffffffffu, inside);
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(dy[number])) & vec4u(mask));
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  z[(i * TILE_INPUTS + j) * at.point + at.write_at] = value;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let vectors = pad4(args.K) / 4u;
  let rows = (args.P + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
  let columns = (args.Q + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
  let tiles = pad4(args.N * rows * columns);
  let tile = id / vectors;
  if (tile >= tiles) {
    return;
  }
  let row = tile / columns;
  let image = row / rows;
  let p = select(row % rows * TILE_OUTPUTS, OUTSIDE, image >= args.N);
  let q = tile % columns * TILE_OUTPUTS;
  let pixel = (image * args.P + p) * args.Q + q;
  let at = At(p, q, pixel * vectors + id % vectors, id, args.Q * vectors, tiles * vectors);
  transform_output_gradient(at);
}

// y = f(bias + Aᵀ m A) for every tile, or y += …, where m holds the products at the points of transformed tiles
//
// m         (T, pad4(N·TP·TQ), K), T = 16 or 36; TP × TQ tiles cover P × Q; padding lanes are not used
// bias      (K), not read where HAS_BIAS is 0
// y         (N, P, Q, K); padding lanes are zero
// dispatch  one invocation for each tile and vec4 of channels
// numerics  f32; with winograd_weights, _input and _product tolerance 1e-6 · √(9 C) relative for tiles of 2×2 and
//           3e-6 · √(9 C) for tiles of 4×4
// source    Lavin and Gray 2016
// use: index, lane_mask, activation
// link: winograd=4x4 | winograd=2x2

struct Args {
  N: u32,
  K: u32,
  P: u32,
  Q: u32,
  HAS_BIAS: u32,
  ACCUMULATE: u32,
}

alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<y4>;
@group(0) @binding(3) var<uniform> args: Args;

// Place of the tile in its image, bias and mask of its channels, numbers of its first vec4s in m and in y, and vec4s
// between the points of m and between the lines of y.
struct At {
  p: u32,
  q: u32,
  bias: vec4f,
  mask: vec4<bool>,
  read_at: u32,
  write_at: u32,
  point: u32,
  line: u32,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  return m[(i * TILE_INPUTS + j) * at.point + at.read_at];
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  // Without `&&`, which branches.
  if ((at.p + i < args.P) & (at.q + j < args.Q)) {
    let number = at.write_at + i * at.line + j * (pad4(args.K) / 4u);
    var v = select(vec4f(0.0), activate(value + at.bias), at.mask);
    if (args.ACCUMULATE == 1u) {
      v += vec4f(y[number]);
    }
    y[number] = y4(v);
  }
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
  let tiles = args.N * rows * columns;
  let tile = id / vectors;
  if (tile >= tiles) {
    return;
  }
  let row = tile / columns;
  let p = row % rows * TILE_OUTPUTS;
  let q = tile % columns * TILE_OUTPUTS;
  let pixel = (row / rows * args.P + p) * args.Q + q;
  let channel = id % vectors;
  var offset = vec4f(0.0);
  if (args.HAS_BIAS == 1u) {
    offset = bias[channel];
  }
  let mask = lane_mask(channel, args.K);
  let write_at = pixel * vectors + channel;
  transform_output(At(p, q, offset, mask, id, write_at, pad4(tiles) * vectors, args.Q * vectors));
}

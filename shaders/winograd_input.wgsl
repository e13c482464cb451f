// v[t] = Bᵀ d B for every tile d of the input, where t numbers the points of a transformed tile, row by row
//
// Tiles lie side by side over the output of P × Q, each with the inputs that it sees; past the image are zeros.
//
// x         (N, H, W, C)
// v         (T, N·TP·TQ, C), T = 16 or 36; TP × TQ tiles cover P × Q
// dispatch  one invocation for each tile and vec4 of channels
// numerics  f32; see winograd_output
// source    Lavin and Gray 2016
// use: index
// link: winograd_2x2 | winograd_4x4

override N: u32;
override H: u32;
override W: u32;
override C: u32;
override P: u32;
override Q: u32;
override PAD_TOP: i32;
override PAD_LEFT: i32;

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;

// Place of the tile in its image, numbers of its first vec4s in x and in v. What would be negative wraps around.
struct At {
  y: u32,
  x: u32,
  read_at: u32,
  write_at: u32,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  // What would be negative is huge. Without `&&`, which branches, and with a mask, which is cheaper than a choice.
  let inside = (at.y + i < H) & (at.x + j < W);
  let number = select(0u, at.read_at + (i * W + j) * (pad4(C) / 4u), inside);
  let mask = select(0u, 0xffffffffu, inside);
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(x[number])) & vec4u(mask));
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  v[(i * TILE_INPUTS + j) * (tiles() * (pad4(C) / 4u)) + at.write_at] = value;
}

fn tile_rows() -> u32 {
  return (P + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
}

fn tile_columns() -> u32 {
  return (Q + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
}

fn tiles() -> u32 {
  return N * tile_rows() * tile_columns();
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let tile = id / (pad4(C) / 4u);
  if (tile >= tiles()) {
    return;
  }
  let line = tile / tile_columns();
  let y = line % tile_rows() * TILE_OUTPUTS - u32(PAD_TOP);
  let x = tile % tile_columns() * TILE_OUTPUTS - u32(PAD_LEFT);
  let pixel = (line / tile_rows() * H + y) * W + x;
  transform_input(At(y, x, pixel * (pad4(C) / 4u) + id % (pad4(C) / 4u), id));
}

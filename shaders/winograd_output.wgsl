// y = f(bias + Aᵀ m A) for every tile, or y += …, where m holds the products at the points of transformed tiles
//
// m         (T, N·TP·TQ, K), T = 16 or 36; TP × TQ tiles cover P × Q; padding lanes are not used
// bias      (K), not read where HAS_BIAS is 0
// y         (N, P, Q, K); padding lanes are zero
// dispatch  one invocation for each tile and vec4 of channels
// numerics  f32; with winograd_weights, _input and _product tolerance 1e-6 · √(9 C) relative for tiles of 2×2 and
//           3e-6 · √(9 C) for tiles of 4×4
// source    Lavin and Gray 2016
// use: index, activation
// link: winograd_2x2 | winograd_4x4

override N: u32;
override K: u32;
override P: u32;
override Q: u32;
override HAS_BIAS: u32;
override ACCUMULATE: u32;

alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<y4>;

// Place of the tile in its image, its vec4 of channels, and numbers of its first vec4s in m and in y.
struct At {
  p: u32,
  q: u32,
  channel: u32,
  read_at: u32,
  write_at: u32,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  return m[(i * TILE_INPUTS + j) * (tiles() * (pad4(K) / 4u)) + at.read_at];
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  // The first comparisons are of constants: where tiles fill the plane nothing is left of this.
  let inside = ((P % TILE_OUTPUTS == 0u) | (at.p + i < P)) & ((Q % TILE_OUTPUTS == 0u) | (at.q + j < Q));
  if (!inside) {
    return;
  }
  var v = value;
  if (HAS_BIAS == 1u) {
    v += bias[at.channel];
  }
  v = activate(v) * lane_mask(at.channel, K);
  let number = at.write_at + (i * Q + j) * (pad4(K) / 4u);
  if (ACCUMULATE == 1u) {
    v += vec4f(y[number]);
  }
  y[number] = y4(v);
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
  let tile = id / (pad4(K) / 4u);
  if (tile >= tiles()) {
    return;
  }
  let line = tile / tile_columns();
  let p = line % tile_rows() * TILE_OUTPUTS;
  let q = tile % tile_columns() * TILE_OUTPUTS;
  let pixel = (line / tile_rows() * P + p) * Q + q;
  let channel = id % (pad4(K) / 4u);
  transform_output(At(p, q, channel, id, pixel * (pad4(K) / 4u) + channel));
}

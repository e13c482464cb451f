// z[t] = A d Aᵀ for every tile d of an output's gradient, where t numbers the points of a transformed tile
//
// dy        (N, P, Q, K)
// z         (T, N·TP·TQ, K), T = 36; TP × TQ tiles cover P × Q, past which the gradient is zero
// dispatch  one invocation for each tile and vec4 of channels
// numerics  f32; see winograd_grad_weight
// source    Lavin and Gray 2016
// use: index, winograd_4x4_adjoint

override N: u32;
override P: u32;
override Q: u32;
override K: u32;

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> z: array<vec4f>;

// Place of the tile in its image, numbers of its first vec4s in dy and in z.
struct At {
  p: u32,
  q: u32,
  read_at: u32,
  write_at: u32,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  // Without `&&`, which branches, and with a mask, which is cheaper than a choice.
  let inside = (at.p + i < P) & (at.q + j < Q);
  let number = select(0u, at.read_at + (i * Q + j) * (pad4(K) / 4u), inside);
  let mask = select(0u, 0xffffffffu, inside);
  return bitcast<vec4f>(bitcast<vec4u>(dy[number]) & vec4u(mask));
}

fn store(at: At, i: u32, j: u32, value: vec4f) {
  z[(i * TILE_INPUTS + j) * (tiles() * (pad4(K) / 4u)) + at.write_at] = value;
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
  transform_output_gradient(At(p, q, pixel * (pad4(K) / 4u) + id % (pad4(K) / 4u), id));
}

// dw = Gᵀ m G for every filter, or dw += …, where m holds the products of transformed tiles
//
// The adjoint of Winograd's convolution: y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A for every tile makes
// dg = Gᵀ [Σ over tiles of (Bᵀ d B) ⊙ (A dy Aᵀ)] G.
//
// m         (T, pad4(C), K), T = 36; padding lanes are not used
// dw        (3, 3, C, K); padding lanes are zero
// dispatch  one invocation a vec4 of a tap of dw
// numerics  f32; with winograd_input, _grad_output and _grad_product tolerance 3e-6 · √(N·P·Q) relative
// source    Lavin and Gray 2016
// use: index, lane_mask, winograd_4x4_adjoint

struct Args {
  C: u32,
  K: u32,
  ACCUMULATE: u32,
}

@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

// Number of the vec4 in m[0] and in each tap of dw, vec4s between points and between taps, and the mask of its channels.
struct At {
  number: u32,
  point: u32,
  tap: u32,
  mask: vec4<bool>,
}

fn load(at: At, i: u32, j: u32) -> vec4f {
  return m[(i * TILE_INPUTS + j) * at.point + at.number];
}

fn store(at: At, r: u32, s: u32, value: vec4f) {
  let number = (r * 3u + s) * at.tap + at.number;
  var v = select(vec4f(0.0), value, at.mask);
  if (args.ACCUMULATE == 1u) {
    v += dw[number];
  }
  dw[number] = v;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_id(group, groups, local, 64u);
  let columns = pad4(args.K) / 4u;
  if (id < args.C * columns) {
    let mask = lane_mask(id % columns, args.K);
    transform_weight_gradient(At(id, pad4(args.C) * columns, args.C * columns, mask));
  }
}

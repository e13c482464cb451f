// y = x / (1 − P) where uniform(i, step, LAYER, seed) ≥ P and 0 elsewhere, or y += …: inverted dropout. The
// operation is its own gradient: the same launch takes dy to dx. A NaN stays, dropped or not, as in PyTorch.
//
// The mask is a hash of place, step, layer and seed, drawn again in the backward pass; nothing is stored.
//
// x, y      (N, …), LENGTH vec4s, EXAMPLE of each of the N; numbered by i in the whole batch, also where this is a
//           micro-batch of it; one hash gives four lanes
// P         the share that is dropped, 0 ≤ P < 1
// dispatch  one invocation a vec4
// numerics  tolerance 1e-6 relative; the mask has the same bits as src/base/random.ts gives
// source    Srivastava et al., "Dropout", JMLR 15, 2014
// use: index, random, live, nan4

override LENGTH: u32;
override EXAMPLE: u32;
override P: f32;
override LAYER: u32;
override ACCUMULATE: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= LENGTH) {
    return;
  }
  let kept = uniform4(pcg4d(vec4u(live.first * EXAMPLE + i, live.step, LAYER, live.seed))) >= vec4f(P);
  let all = vec4f(x[i]);
  var v = or_nan4(select(vec4f(0.0), all / (1.0 - P), kept), all);
  if (ACCUMULATE == 1u) {
    v += vec4f(y[i]);
  }
  y[i] = y4(v);
}

// Decides whether the optimizer takes a step, by whether all gradients are finite, and what the loss is scaled by next.
//
//   finite:  norms = norms / s,  unscale = 1 / s,  and s doubles after INTERVAL steps without a change
//   else:    unscale = 0, so that the step is skipped,  and s halves, for the gradients have overflowed
//
// state     s; steps since it last changed; steps skipped so far; s of the step before
// norms     LENGTH: the global norm of the gradients of s times the loss, which no gradient leaves finite that is not;
//           perhaps others
// unscale   1 / s or 0; steps skipped before this one; 0; 0
// dispatch  one workgroup
// numerics  exact: s is a power of two from LEAST to MOST
// source    Micikevicius et al., "Mixed Precision Training", ICLR 2018, §3.2; factors and INTERVAL are those of torch.amp
// use: nan

override LENGTH: u32;

const INTERVAL = 2000.0;
const LEAST = 1.0;
const MOST = 16777216.0;

@group(0) @binding(0) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> norms: array<f32>;
@group(0) @binding(2) var<storage, read_write> unscale: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  let before = state[0];
  let finite = is_finite(norms[0]);
  storageBarrier();
  for (var k = local; k < LENGTH; k += 64u) {
    norms[k] /= before.x;
  }
  if (local > 0u) {
    return;
  }
  let steps = before.y + 1.0;
  if (!finite) {
    state[0] = vec4f(max(before.x / 2.0, LEAST), 0.0, before.z + 1.0, before.x);
  } else if (steps >= INTERVAL) {
    state[0] = vec4f(min(before.x * 2.0, MOST), 0.0, before.z, before.x);
  } else {
    state[0] = vec4f(before.x, steps, before.z, before.x);
  }
  unscale[0] = vec4f(select(0.0, 1.0 / before.x, finite), before.z, 0.0, 0.0);
}

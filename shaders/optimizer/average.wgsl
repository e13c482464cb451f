// An exponential moving average a of an arena of weights w:
//
//   a = w after the first step, then a = a + SHARE (w − a)
//
// weights, average  LENGTH vec4s
// SHARE     1 − decay
// dispatch  one invocation a vec4
// numerics  tolerance 1e-6 a step
// source    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992
// use: index, live

override LENGTH: u32;
override SHARE: f32;

@group(0) @binding(0) var<storage, read> weights: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> average: array<vec4f>;

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
  let w = weights[i];
  let a = average[i];
  average[i] = select(a + SHARE * (w - a), w, live.step == 1u);
}

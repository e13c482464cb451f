// Mean and sum of squared deviations of each channel over parts of the rows: the first of two passes, the
// second is batch_norm_statistics_merge.
//
//   d = x − x[0],  mean = Σ d / n,  M2 = Σ (d − mean)²
//
// Part p takes the rows p, p + PARTS, p + 2 PARTS, …, so neighbouring invocations read neighbouring memory.
//
// x         (ROWS, C), ROWS = N H W
// partial   (2, PARTS, C): mean, then M2; 1 ≤ PARTS ≤ ROWS
// dispatch  one invocation a part and vec4 of channels
// numerics  four rows at a time, merged by Chan's formula. Row 0 is subtracted first, so that the rounding of
//           many merges is relative to the spread of x and not to its mean; tolerance 1e-6 √ROWS of the spread
// source    Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
//           Variances", 1979
// use: index

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
}

alias x4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(2) var<uniform> args: Args;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  let columns = pad4(args.C) / 4u;
  let stride = args.PARTS * columns;
  if (i >= stride) {
    return;
  }
  let end = args.ROWS * columns;
  let origin = vec4f(x[i % columns]);
  var count = 0.0;
  var mean = vec4f(0.0);
  var m2 = vec4f(0.0);
  var at = i;
  for (; at + 3u * stride < end; at += 4u * stride) {
    let a = vec4f(x[at]) - origin;
    let b = vec4f(x[at + stride]) - origin;
    let c = vec4f(x[at + 2u * stride]) - origin;
    let d = vec4f(x[at + 3u * stride]) - origin;
    let four = 0.25 * ((a + b) + (c + d));
    let da = a - four;
    let db = b - four;
    let dc = c - four;
    let dd = d - four;
    let delta = four - mean;
    let weight = 4.0 / (count + 4.0);
    mean += weight * delta;
    m2 += (da * da + db * db) + (dc * dc + dd * dd) + delta * delta * (count * weight);
    count += 4.0;
  }
  for (; at < end; at += stride) {
    let delta = vec4f(x[at]) - origin - mean;
    let weight = 1.0 / (count + 1.0);
    mean += weight * delta;
    m2 += delta * delta * (count * weight);
    count += 1.0;
  }
  partial[i] = mean;
  partial[stride + i] = m2;
}

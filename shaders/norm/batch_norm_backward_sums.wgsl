// Sums of the gradient of each channel over parts of the rows: the first of the two passes of the backward
// reduction, the second is batch_norm_backward_merge.
//
//   dz = dy f'(z),  z = x̂ weight + bias,  x̂ = (x − mean) / √(variance + EPS)
//   partial = Σ dz, Σ dz x̂
//
// With a residual it is batch_norm_backward_residual.
//
// x, dy     (ROWS, C), ROWS = N H W
// mean, variance, weight, bias  (C)
// partial   (2, PARTS, C)
// dispatch  one invocation a part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics  sequential f32 sums of ROWS / PARTS terms; tolerance 1e-6 √ROWS
// use: index, activation

override EPS: f32;

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
}

alias x4 = vec4f;
alias dy4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read> mean: array<vec4f>;
@group(0) @binding(3) var<storage, read> variance: array<vec4f>;
@group(0) @binding(4) var<storage, read> weight: array<vec4f>;
@group(0) @binding(5) var<storage, read> bias: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(7) var<uniform> args: Args;

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
  let column = i % columns;
  let center = mean[column];
  let root = sqrt(variance[column] + EPS);
  let scale = weight[column] / root;
  let offset = bias[column];
  let end = args.ROWS * columns;
  var sum = vec4f(0.0);
  var product = vec4f(0.0);
  for (var at = i; at < end; at += 2u * stride) {
    // Two rows; the second counts as zeros where there is none, which is cheaper than a second loop.
    let inside = at + stride < end;
    let next = select(at, at + stride, inside);
    let d1 = vec4f(x[at]) - center;
    let d2 = vec4f(x[next]) - center;
    let dz1 = vec4f(dy[at]) * activate_gradient(d1 * scale + offset);
    let dz2 = select(vec4f(0.0), vec4f(dy[next]) * activate_gradient(d2 * scale + offset), inside);
    sum += dz1 + dz2;
    product += dz1 * d1 + dz2 * d2;
  }
  partial[i] = sum;
  partial[stride + i] = product / root;
}

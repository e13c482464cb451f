// The gradient of batch_norm_forward for x.
//
//   dz = dy f'(z),  z = (x − mean) scale + bias
//   dx = scale (dz − sum − (x − mean) product)
//
// z is computed again, so that y is not read. With a residual dz is there already (batch_norm_backward_residual) and
// comes in as dy, with f the identity.
//
// x, dy, dx       (ROWS, C), ROWS = N H W; padding lanes come out zero because dy's and scale's are
// coefficients    (5, C): mean, scale, bias, sum, product, as batch_norm_backward_merge defines them
// ACCUMULATE      0: =, 1: +=
// dispatch        one invocation a part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics        tolerance 1e-6 √ROWS, from the sums
// source          Ioffe and Szegedy, "Batch Normalization", 2015
// use: index, activation

override ACCUMULATE: u32;

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
}

alias x4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> dy: array<dy4>;
@group(0) @binding(2) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx4>;
@group(0) @binding(4) var<uniform> args: Args;

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
  let mean = coefficients[column];
  let scale = coefficients[columns + column];
  let bias = coefficients[2u * columns + column];
  let sum = coefficients[3u * columns + column];
  let product = coefficients[4u * columns + column];
  let end = args.ROWS * columns;
  for (var at = i; at < end; at += 2u * stride) {
    // Two rows, where there is a second: cheaper than a row at a time with a second loop for the rest.
    let inside = at + stride < end;
    let next = select(at, at + stride, inside);
    let d1 = vec4f(x[at]) - mean;
    let d2 = vec4f(x[next]) - mean;
    let dz1 = vec4f(dy[at]) * activate_gradient(d1 * scale + bias);
    let dz2 = vec4f(dy[next]) * activate_gradient(d2 * scale + bias);
    let v1 = scale * (dz1 - sum - d1 * product);
    let v2 = scale * (dz2 - sum - d2 * product);
    if (ACCUMULATE == 0u) {
      dx[at] = dx4(v1);
      dx[next] = dx4(v2);
      continue;
    }
    dx[at] = dx4(vec4f(dx[at]) + v1);
    if (inside) {
      dx[next] = dx4(vec4f(dx[next]) + v2);
    }
  }
}

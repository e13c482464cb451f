// y = f((x − mean) / √(variance + EPS) · weight + bias [+ residual]), for the activation number ACTIVATION.
//
// x, y      (ROWS, C), ROWS = N H W; padding lanes of y are zero
// residual  (ROWS, C); with RESIDUAL = 0 it is not read, and any tensor will do. With RESIDUAL = 2 it is the input of
//           another batch norm, whose y would be the residual and need not be written
// mean, variance, weight, bias  (C)
// coefficients  (5, C): mean, scale and bias of the residual's, as batch_norm_backward_merge defines them; any tensor will
//               do where RESIDUAL is not 2
// dispatch  one invocation a part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics  the mean is subtracted before scaling, so no digits are lost where it is large; 1e-6 relative
// source    Ioffe and Szegedy, "Batch Normalization", 2015
// use: index, lane_mask, activation

override EPS: f32;
override RESIDUAL: u32;

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
}

alias x4 = vec4f;
alias residual4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> residual: array<residual4>;
@group(0) @binding(2) var<storage, read> mean: array<vec4f>;
@group(0) @binding(3) var<storage, read> variance: array<vec4f>;
@group(0) @binding(4) var<storage, read> weight: array<vec4f>;
@group(0) @binding(5) var<storage, read> bias: array<vec4f>;
@group(0) @binding(6) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<y4>;
@group(0) @binding(8) var<uniform> args: Args;

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
  let scale = weight[column] / sqrt(variance[column] + EPS);
  let offset = bias[column];
  let mask = lane_mask(column, args.C);  // sigmoid(0) is not 0
  var other = array<vec4f, 3>();
  if (RESIDUAL == 2u) {
    other = array(coefficients[column], coefficients[columns + column], coefficients[2u * columns + column]);
  }
  let end = args.ROWS * columns;
  for (var at = i; at < end; at += 2u * stride) {
    // Two rows, or one row twice at the end: cheaper than a second loop.
    let next = select(at, at + stride, at + stride < end);
    var a = (vec4f(x[at]) - center) * scale + offset;
    var b = (vec4f(x[next]) - center) * scale + offset;
    if (RESIDUAL == 1u) {
      a += vec4f(residual[at]);
      b += vec4f(residual[next]);
    } else if (RESIDUAL == 2u) {
      a += (vec4f(residual[at]) - other[0]) * other[1] + other[2];
      b += (vec4f(residual[next]) - other[0]) * other[1] + other[2];
    }
    y[at] = y4(select(vec4f(0.0), activate(a), mask));
    y[next] = y4(select(vec4f(0.0), activate(b), mask));
  }
}

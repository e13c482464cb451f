// Gradients of batch_norm_forward for x and the residual, in one pass.
//
//   dz = dy f'(z),  z = (x − mean) scale + bias [+ residual]
//   dresidual = dz,  dx = scale (dz − sum − (x − mean) product)
//
// With a residual f' is taken from y, as activation_output_backward does; without, z is computed again, so that y is
// not read.
//
// x, dy, dx, dresidual  (ROWS, C), ROWS = N H W; padding lanes come out zero because dy's and scale's are
// y               (ROWS, C), f(z); with RESIDUAL = 0 it is not read, and any tensor will do
// coefficients    (5, C): mean, scale, bias, sum, product, as batch_norm_backward_merge defines them
// DX, DRESIDUAL   0: nobody wants it, and any four elements will do; 1: =, 2: +=
// dispatch        one invocation a part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics        tolerance 1e-6 √ROWS, from the sums
// source          Ioffe and Szegedy, "Batch Normalization", 2015
// use: index, activation

override RESIDUAL: u32;
override DX: u32;
override DRESIDUAL: u32;

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
}

alias x4 = vec4f;
alias y4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;
alias dresidual4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> y: array<y4>;
@group(0) @binding(2) var<storage, read> dy: array<dy4>;
@group(0) @binding(3) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<dx4>;
@group(0) @binding(5) var<storage, read_write> dresidual: array<dresidual4>;
@group(0) @binding(6) var<uniform> args: Args;

// f'(z), taken from y with a residual.
fn slope(z: vec4f, at: u32) -> vec4f {
  if (RESIDUAL == 1u) {
    return activate_gradient_at_output(vec4f(y[at]));
  }
  return activate_gradient(z);
}

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
    let dz1 = vec4f(dy[at]) * slope(d1 * scale + bias, at);
    let dz2 = vec4f(dy[next]) * slope(d2 * scale + bias, next);
    let v1 = scale * (dz1 - sum - d1 * product);
    let v2 = scale * (dz2 - sum - d2 * product);
    if (DRESIDUAL == 1u) {
      dresidual[at] = dresidual4(dz1);
      dresidual[next] = dresidual4(dz2);
    } else if (DRESIDUAL == 2u) {
      dresidual[at] = dresidual4(vec4f(dresidual[at]) + dz1);
      if (inside) {
        dresidual[next] = dresidual4(vec4f(dresidual[next]) + dz2);
      }
    }
    if (DX == 1u) {
      dx[at] = dx4(v1);
      dx[next] = dx4(v2);
    } else if (DX == 2u) {
      dx[at] = dx4(vec4f(dx[at]) + v1);
      if (inside) {
        dx[next] = dx4(vec4f(dx[next]) + v2);
      }
    }
  }
}

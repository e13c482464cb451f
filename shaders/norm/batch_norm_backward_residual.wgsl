// As batch_norm_backward_sums, where a residual was added before the activation: z is not computed again, but f' taken
// from y = f(z), and dz is written too. It is the residual's gradient as it is, and all that the gradient of x needs.
//
//   dz = dy f'(z),  x̂ = (x − mean) / √(variance + EPS)
//   partial = Σ dz, Σ dz x̂
//
// x, y, dy, dz    (ROWS, C), ROWS = N H W; padding lanes of dz are zero because dy's are
// mean, variance  (C)
// partial   (2, PARTS, C)
// IN_PLACE  1: dz holds dy before, and any tensor will do for dy
// dispatch  one invocation a part and vec4 of channels; part p takes the rows p, p + PARTS, …
// numerics  sequential f32 sums of ROWS / PARTS terms; tolerance 1e-6 √ROWS
// use: index, activation

override EPS: f32;
override IN_PLACE: u32;

struct Args {
  ROWS: u32,
  C: u32,
  PARTS: u32,
}

alias x4 = vec4f;
alias y4 = vec4f;
alias dy4 = vec4f;
alias dz4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read> y: array<y4>;
@group(0) @binding(2) var<storage, read> dy: array<dy4>;
@group(0) @binding(3) var<storage, read> mean: array<vec4f>;
@group(0) @binding(4) var<storage, read> variance: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dz: array<dz4>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(7) var<uniform> args: Args;

fn gradient(at: u32) -> vec4f {
  let slope = activate_gradient_at_output(vec4f(y[at]));
  if (IN_PLACE == 1u) {
    return vec4f(dz[at]) * slope;
  }
  return vec4f(dy[at]) * slope;
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
  let center = mean[i % columns];
  let root = sqrt(variance[i % columns] + EPS);
  let end = args.ROWS * columns;
  var sum = vec4f(0.0);
  var product = vec4f(0.0);
  for (var at = i; at < end; at += 2u * stride) {
    // Two rows; where there is no second, the first is written twice and counts once.
    let inside = at + stride < end;
    let next = select(at, at + stride, inside);
    let own1 = gradient(at);
    let own2 = gradient(next);
    dz[at] = dz4(own1);
    dz[next] = dz4(own2);
    // As they are stored, which may be f16.
    let dz1 = vec4f(dz4(own1));
    let dz2 = select(vec4f(0.0), vec4f(dz4(own2)), inside);
    sum += dz1 + dz2;
    product += dz1 * (vec4f(x[at]) - center) + dz2 * (vec4f(x[next]) - center);
  }
  partial[i] = sum;
  partial[stride + i] = product / root;
}

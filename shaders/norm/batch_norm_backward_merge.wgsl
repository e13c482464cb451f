// Adds up the parts of batch_norm_backward_sums, or those that a convolution leaves (lib/norm/norm_sums): the gradients of weight and bias, and what the gradient of x
// needs of each channel in one tensor.
//
//   dbias = Σ dz,  dweight = Σ dz x̂
//   coefficients = mean, scale = weight / √(variance + EPS), bias,
//                  INVERSE_ROWS Σ dz, INVERSE_ROWS Σ dz x̂ / √(variance + EPS)
//
// partial        (2, PARTS, C); with PARTS = 0 the sums are zero, and any tensor will do
// mean, variance, weight, bias, dweight, dbias  (C)
// coefficients   (5, C)
// WHOLE          1: the parts are Σ dz x̂; 0: they are Σ dz (x − mean)
// INVERSE_ROWS   1 / (N H W), or 0 where the statistics do not depend on x
// DWEIGHT, DBIAS 0: nobody wants it, 1: =, 2: +=
// entries        main; single, without barriers, which a CPU takes longer to compile and to run than the sum
// dispatch       LANES invocations, a power of two up to 64, a vec4 of channels; single: one
// numerics       fixed order: each invocation in sequence, then a tree; tolerance 1e-6 √(N H W)
// use: index

override EPS: f32;

struct Args {
  C: u32,
  PARTS: u32,
  LANES: u32,
  WHOLE: u32,
  INVERSE_ROWS: f32,
  DWEIGHT: u32,
  DBIAS: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read> mean: array<vec4f>;
@group(0) @binding(2) var<storage, read> variance: array<vec4f>;
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> coefficients: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dbias: array<vec4f>;
@group(0) @binding(8) var<uniform> args: Args;

var<workgroup> shared_sums: array<Sums, 64>;

struct Sums {
  sum: vec4f,
  product: vec4f,
}

// What `lanes` invocations, of which this is number `lane`, add up of the parts of a vec4 of channels.
fn sum_parts(column: u32, columns: u32, lane: u32, lanes: u32) -> Sums {
  var sums = Sums(vec4f(0.0), vec4f(0.0));
  for (var part = lane; part < args.PARTS && column < columns; part += lanes) {
    let at = part * columns + column;
    sums.sum += partial[at];
    sums.product += partial[args.PARTS * columns + at];
  }
  return sums;
}

fn finish(column: u32, columns: u32, found: Sums) {
  let root = sqrt(variance[column] + EPS);
  var sums = found;
  if (args.WHOLE == 0u) {
    sums.product /= root;
  }
  coefficients[column] = mean[column];
  coefficients[columns + column] = weight[column] / root;
  coefficients[2u * columns + column] = bias[column];
  // No product with 0, which would leave NaN.
  let depends = args.INVERSE_ROWS > 0.0;
  coefficients[3u * columns + column] = select(vec4f(0.0), args.INVERSE_ROWS * sums.sum, depends);
  coefficients[4u * columns + column] = select(vec4f(0.0), args.INVERSE_ROWS * sums.product / root, depends);
  if (args.DBIAS == 1u) {
    dbias[column] = sums.sum;
  } else if (args.DBIAS == 2u) {
    dbias[column] += sums.sum;
  }
  if (args.DWEIGHT == 1u) {
    dweight[column] = sums.product;
  } else if (args.DWEIGHT == 2u) {
    dweight[column] += sums.product;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let wide = 64u / args.LANES;  // channel vec4s of a workgroup
  let column = group.x * wide + local % wide;
  let columns = pad4(args.C) / 4u;
  var sums = sum_parts(column, columns, local / wide, args.LANES);
  shared_sums[local] = sums;
  for (var width = args.LANES / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (local < width * wide) {
      let other = shared_sums[local + width * wide];
      sums = Sums(sums.sum + other.sum, sums.product + other.product);
      shared_sums[local] = sums;
    }
  }
  if (local < wide && column < columns) {
    finish(column, columns, sums);
  }
}

@compute @workgroup_size(64)
fn single(@builtin(global_invocation_id) id: vec3u) {
  let columns = pad4(args.C) / 4u;
  if (id.x < columns) {
    finish(id.x, columns, sum_parts(id.x, columns, 0u, 1u));
  }
}

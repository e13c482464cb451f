// The gradient of the input of a convolution of stride 1 whose input comes from a batch norm. Each workgroup adds up, of
// the rows of dx that it has stored, what the first pass of the batch norm's own gradient would: the gradient arrives at
// that complete, since this is the last to add to it. With RESIDUAL = 1 it also does the rest of batch_norm_backward_residual:
// dx becomes the gradient before the activation.
//
//   dz = dx f'(z),  z = (raw − mean) scale + bias [+ residual],  f'(z) = 1 for z > 0, or else SLOPE
//   partial = Σ dz, Σ dz (raw − mean)
//
// raw           (N, H, W, C), the input of the batch norm
// after         (N, H, W, C), f(z), whose sign is that of z; with RESIDUAL = 0 it is not read, and any tensor will do
// coefficients  (5, C): mean, scale, bias; only the first with RESIDUAL = 1
// partial       (2, PARTS, C), a part for each row of workgroups
// use: nan4, by_columns

override SLOPE: f32;
override RESIDUAL: u32;

alias raw4 = vec4f;
alias after4 = vec4f;

@group(0) @binding(4) var<storage, read> raw: array<raw4>;
@group(0) @binding(5) var<storage, read> after: array<after4>;
@group(0) @binding(6) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4f>;

fn slope(z: vec4f) -> vec4f {
  return or_nan4(select(vec4f(SLOPE), vec4f(1.0), z > vec4f(0.0)), z);
}

fn finish_group() {
  let columns = pad4(args.C) / 4u;
  let rows = args.N * args.H * args.W;
  let own_rows = min(MOST_ROWS, rows - member.row);
  let column = own_column();
  storageBarrier();
  workgroupBarrier();
  var sum = vec4f(0.0);
  var product = vec4f(0.0);
  if (column < columns) {
    let mean = coefficients[column];
    var scale = vec4f(0.0);
    var bias = vec4f(0.0);
    if (RESIDUAL == 0u) {
      scale = coefficients[columns + column];
      bias = coefficients[2u * columns + column];
    }
    for (var row = own_lane(); row < own_rows; row += LANES) {
      let at = (member.row + row) * columns + column;
      let d = vec4f(raw[at]) - mean;
      var dz = vec4f(dx[at]);
      if (RESIDUAL == 1u) {
        dz *= slope(vec4f(after[at]));
        dx[at] = dx4(dz);
        dz = vec4f(dx4(dz));
      } else {
        dz *= slope(d * scale + bias);
      }
      sum += dz;
      product += dz * d;
    }
  }
  put_pair(sum, product);
  workgroupBarrier();
  if (own_lane() > 0u || column >= columns) {
    return;
  }
  for (var lane = 1u; lane < LANES; lane++) {
    let sums = pair_of(lane);
    sum += sums[0];
    product += sums[1];
  }
  let parts = (rows + MOST_ROWS - 1u) / MOST_ROWS;
  let at = member.row / MOST_ROWS * columns + column;
  partial[at] = sum;
  partial[parts * columns + at] = product;
}

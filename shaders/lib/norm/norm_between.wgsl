// A convolution with a batch norm before it, another after it, or both. With NORMALISED = 1 its input is normalised as it
// is loaded, as by `norm_after`. With MOMENTS = 1 each workgroup leaves the mean of each channel of the rows that it has
// stored, and the sum of squared deviations: a part of the reduction that batch_norm_statistics_merge finishes. It reads
// the rows back, which are still in a cache, and so sees what later kernels see: numbers rounded to f16, if y is that.
//
// partial    (2, PARTS, K): mean, then M2, a part for each row of workgroups
// numerics   as batch_norm_statistics, relative to a workgroup's first row
// use: normalise, by_columns

override NORMALISED: u32;
override MOMENTS: u32;

@group(0) @binding(5) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;

fn normalised(rows: mat4x4f, column: u32) -> mat4x4f {
  if (NORMALISED == 0u) {
    return rows;
  }
  let columns = pad4(args.C) / 4u;
  return normalise_rows(rows, coefficients[column], coefficients[columns + column], coefficients[2u * columns + column]);
}

fn finish_group() {
  if (MOMENTS == 0u) {
    return;
  }
  let columns = pad4(args.K) / 4u;
  let rows = args.N * args.P * args.Q;
  let own_rows = min(MOST_ROWS, rows - member.row);
  let column = own_column();
  storageBarrier();
  workgroupBarrier();
  var origin = vec4f(0.0);
  var count = 0.0;
  var mean = vec4f(0.0);
  var m2 = vec4f(0.0);
  if (column < columns) {
    let first = member.row * columns + column;
    origin = vec4f(y[first]);
    for (var row = own_lane(); row < own_rows; row += LANES) {
      let delta = vec4f(y[first + row * columns]) - origin - mean;
      let weight = 1.0 / (count + 1.0);
      mean += weight * delta;
      m2 += delta * delta * (count * weight);
      count += 1.0;
    }
  }
  put_pair(mean, m2);
  workgroupBarrier();
  if (own_lane() > 0u || column >= columns) {
    return;
  }
  for (var lane = 1u; lane < LANES; lane++) {
    let more = f32((own_rows + LANES - 1u - lane) / LANES);
    let moments = pair_of(lane);
    let weight = more / (count + more);
    let delta = moments[0] - mean;
    mean += weight * delta;
    m2 += moments[1] + delta * delta * (count * weight);
    count += more;
  }
  let parts = (rows + MOST_ROWS - 1u) / MOST_ROWS;
  let at = member.row / MOST_ROWS * columns + column;
  partial[at] = origin + mean;
  partial[parts * columns + at] = m2;
}

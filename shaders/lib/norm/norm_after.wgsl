// A convolution after a batch norm, whose input is normalised as it is loaded: `coefficients` (5, C) are mean, scale and
// bias, as batch_norm_backward_merge defines them.
// use: normalise

@group(0) @binding(4) var<storage, read> coefficients: array<vec4f>;

fn normalised(rows: mat4x4f, column: u32) -> mat4x4f {
  let columns = pad4(args.C) / 4u;
  return normalise_rows(rows, coefficients[column], coefficients[columns + column], coefficients[2u * columns + column]);
}

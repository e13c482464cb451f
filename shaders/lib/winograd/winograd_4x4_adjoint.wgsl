// The adjoints of winograd_4x4's output and filter transforms, for the gradient of the filters; the interface is the
// same, with transform_output_gradient and transform_weight_gradient.
// use: winograd_4x4

alias Weights = array<vec4f, 3>;

fn output_gradient_line(y0: vec4f, y1: vec4f, y2: vec4f, y3: vec4f) -> Line {
  let even_p = y0 + 0.5 * y2;
  let odd_p = POINT_P * (y1 + 0.5 * y3);
  let even_q = y0 + 2.0 * y2;
  let odd_q = POINT_Q * (y1 + 2.0 * y3);
  return Line(y0, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, y3);
}

fn weight_gradient_line(t0: vec4f, t1: vec4f, t2: vec4f, t3: vec4f, t4: vec4f, t5: vec4f) -> Weights {
  let even_p = t1 + t2;
  let even_q = t3 + t4;
  return Weights(
    t0 - 2.0 / 3.0 * even_p + 1.0 / 6.0 * even_q,
    (-2.0 / 3.0 * POINT_P) * (t1 - t2) + (1.0 / 6.0 * POINT_Q) * (t3 - t4),
    1.0 / 3.0 * (even_q - even_p) + t5,
  );
}

fn output_gradient_column(at: At, j: u32) -> Line {
  return output_gradient_line(load(at, 0u, j), load(at, 1u, j), load(at, 2u, j), load(at, 3u, j));
}

fn transform_output_gradient(at: At) {
  let a = output_gradient_column(at, 0u);
  let b = output_gradient_column(at, 1u);
  let c = output_gradient_column(at, 2u);
  let d = output_gradient_column(at, 3u);
  store_line(at, 0u, output_gradient_line(a[0], b[0], c[0], d[0]));
  store_line(at, 1u, output_gradient_line(a[1], b[1], c[1], d[1]));
  store_line(at, 2u, output_gradient_line(a[2], b[2], c[2], d[2]));
  store_line(at, 3u, output_gradient_line(a[3], b[3], c[3], d[3]));
  store_line(at, 4u, output_gradient_line(a[4], b[4], c[4], d[4]));
  store_line(at, 5u, output_gradient_line(a[5], b[5], c[5], d[5]));
}

fn weight_gradient_column(at: At, j: u32) -> Weights {
  return weight_gradient_line(
    load(at, 0u, j),
    load(at, 1u, j),
    load(at, 2u, j),
    load(at, 3u, j),
    load(at, 4u, j),
    load(at, 5u, j),
  );
}

fn store_weights(at: At, r: u32, weights: Weights) {
  store(at, r, 0u, weights[0]);
  store(at, r, 1u, weights[1]);
  store(at, r, 2u, weights[2]);
}

fn transform_weight_gradient(at: At) {
  let a = weight_gradient_column(at, 0u);
  let b = weight_gradient_column(at, 1u);
  let c = weight_gradient_column(at, 2u);
  let d = weight_gradient_column(at, 3u);
  let e = weight_gradient_column(at, 4u);
  let f = weight_gradient_column(at, 5u);
  store_weights(at, 0u, weight_gradient_line(a[0], b[0], c[0], d[0], e[0], f[0]));
  store_weights(at, 1u, weight_gradient_line(a[1], b[1], c[1], d[1], e[1], f[1]));
  store_weights(at, 2u, weight_gradient_line(a[2], b[2], c[2], d[2], e[2], f[2]));
}

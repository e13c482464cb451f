// Winograd's F(4×4, 3×3): 36 products instead of 144 for a tile of 4×4 outputs, which sees 6×6 inputs; the
// interface is described in winograd_2x2.
//
// Interpolates at 0, ±1/√2, ±√2 and ∞. Of the points with short sums these lose the fewest digits: errors are
// two to three times those of a plain sum, against ten times for 0, ±1, ±2 and ∞ (Barabasz, Anderson, Soodhalter
// and Gregg 2020, on the choice of points).

const TILE_OUTPUTS = 4u;
const TILE_INPUTS = 6u;

// The points ±P and ±Q; 1 is their product, and P² = 1/2, Q² = 2 need no names.
const POINT_P = 0.7071067811865476;
const POINT_Q = 1.4142135623730951;

// Indexed by constants only, so that they stay in registers.
alias Line = array<vec4f, 6>;
alias Outputs = array<vec4f, 4>;

fn weight_line(g0: vec4f, g1: vec4f, g2: vec4f) -> Line {
  let even_p = -2.0 / 3.0 * g0 - 1.0 / 3.0 * g2;
  let odd_p = (-2.0 / 3.0 * POINT_P) * g1;
  let even_q = 1.0 / 6.0 * g0 + 1.0 / 3.0 * g2;
  let odd_q = (1.0 / 6.0 * POINT_Q) * g1;
  return Line(g0, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, g2);
}

fn input_line(d0: vec4f, d1: vec4f, d2: vec4f, d3: vec4f, d4: vec4f, d5: vec4f) -> Line {
  let even_p = d4 - 2.0 * d2;
  let odd_p = POINT_P * (d3 - 2.0 * d1);
  let even_q = d4 - 0.5 * d2;
  let odd_q = POINT_Q * (d3 - 0.5 * d1);
  return Line(
    d0 - 2.5 * d2 + d4,
    even_p + odd_p,
    even_p - odd_p,
    even_q + odd_q,
    even_q - odd_q,
    d1 - 2.5 * d3 + d5,
  );
}

fn output_line(t0: vec4f, t1: vec4f, t2: vec4f, t3: vec4f, t4: vec4f, t5: vec4f) -> Outputs {
  let even_p = t1 + t2;
  let odd_p = POINT_P * (t1 - t2);
  let even_q = t3 + t4;
  let odd_q = POINT_Q * (t3 - t4);
  return Outputs(
    t0 + even_p + even_q,
    odd_p + odd_q,
    0.5 * even_p + 2.0 * even_q,
    0.5 * odd_p + 2.0 * odd_q + t5,
  );
}

fn store_line(at: At, i: u32, line: Line) {
  store(at, i, 0u, line[0]);
  store(at, i, 1u, line[1]);
  store(at, i, 2u, line[2]);
  store(at, i, 3u, line[3]);
  store(at, i, 4u, line[4]);
  store(at, i, 5u, line[5]);
}

fn weight_column(at: At, j: u32) -> Line {
  return weight_line(load(at, 0u, j), load(at, 1u, j), load(at, 2u, j));
}

fn transform_weights(at: At) {
  let a = weight_column(at, 0u);
  let b = weight_column(at, 1u);
  let c = weight_column(at, 2u);
  store_line(at, 0u, weight_line(a[0], b[0], c[0]));
  store_line(at, 1u, weight_line(a[1], b[1], c[1]));
  store_line(at, 2u, weight_line(a[2], b[2], c[2]));
  store_line(at, 3u, weight_line(a[3], b[3], c[3]));
  store_line(at, 4u, weight_line(a[4], b[4], c[4]));
  store_line(at, 5u, weight_line(a[5], b[5], c[5]));
}

fn input_column(at: At, j: u32) -> Line {
  return input_line(
    load(at, 0u, j),
    load(at, 1u, j),
    load(at, 2u, j),
    load(at, 3u, j),
    load(at, 4u, j),
    load(at, 5u, j),
  );
}

fn transform_input(at: At) {
  let a = input_column(at, 0u);
  let b = input_column(at, 1u);
  let c = input_column(at, 2u);
  let d = input_column(at, 3u);
  let e = input_column(at, 4u);
  let f = input_column(at, 5u);
  store_line(at, 0u, input_line(a[0], b[0], c[0], d[0], e[0], f[0]));
  store_line(at, 1u, input_line(a[1], b[1], c[1], d[1], e[1], f[1]));
  store_line(at, 2u, input_line(a[2], b[2], c[2], d[2], e[2], f[2]));
  store_line(at, 3u, input_line(a[3], b[3], c[3], d[3], e[3], f[3]));
  store_line(at, 4u, input_line(a[4], b[4], c[4], d[4], e[4], f[4]));
  store_line(at, 5u, input_line(a[5], b[5], c[5], d[5], e[5], f[5]));
}

fn output_column(at: At, j: u32) -> Outputs {
  return output_line(
    load(at, 0u, j),
    load(at, 1u, j),
    load(at, 2u, j),
    load(at, 3u, j),
    load(at, 4u, j),
    load(at, 5u, j),
  );
}

fn store_outputs(at: At, i: u32, outputs: Outputs) {
  store(at, i, 0u, outputs[0]);
  store(at, i, 1u, outputs[1]);
  store(at, i, 2u, outputs[2]);
  store(at, i, 3u, outputs[3]);
}

fn transform_output(at: At) {
  let a = output_column(at, 0u);
  let b = output_column(at, 1u);
  let c = output_column(at, 2u);
  let d = output_column(at, 3u);
  let e = output_column(at, 4u);
  let f = output_column(at, 5u);
  store_outputs(at, 0u, output_line(a[0], b[0], c[0], d[0], e[0], f[0]));
  store_outputs(at, 1u, output_line(a[1], b[1], c[1], d[1], e[1], f[1]));
  store_outputs(at, 2u, output_line(a[2], b[2], c[2], d[2], e[2], f[2]));
  store_outputs(at, 3u, output_line(a[3], b[3], c[3], d[3], e[3], f[3]));
}

// Winograd's F(2×2, 3×3): 16 products instead of 36 for a tile of 2×2 outputs, which sees 4×4 inputs.
//
// A filter g, a tile d of the input and its outputs y are related by y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. The lines
// below apply one of the three matrices to one line of four or three values; polynomials are interpolated at
// 0, 1, −1 and ∞. A kernel that links this gives
//   At                        what it keeps of its place
//   load(at, i, j)            the vec4 in row i, column j of what is to be transformed: filter, input or products
//   store(at, i, j, value)    takes the transformed one
// and calls transform_weights, transform_input or transform_output.

const TILE_OUTPUTS = 2u;
const TILE_INPUTS = 4u;

// Indexed by constants only, so that they stay in registers.
alias Line = array<vec4f, 4>;
alias Outputs = array<vec4f, 2>;

fn weight_line(g0: vec4f, g1: vec4f, g2: vec4f) -> Line {
  let even = 0.5 * (g0 + g2);
  let odd = 0.5 * g1;
  return Line(g0, even + odd, even - odd, g2);
}

fn input_line(d0: vec4f, d1: vec4f, d2: vec4f, d3: vec4f) -> Line {
  return Line(d0 - d2, d1 + d2, d2 - d1, d1 - d3);
}

fn output_line(t0: vec4f, t1: vec4f, t2: vec4f, t3: vec4f) -> Outputs {
  return Outputs(t0 + t1 + t2, t1 - t2 - t3);
}

fn store_line(at: At, i: u32, line: Line) {
  store(at, i, 0u, line[0]);
  store(at, i, 1u, line[1]);
  store(at, i, 2u, line[2]);
  store(at, i, 3u, line[3]);
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
}

fn input_column(at: At, j: u32) -> Line {
  return input_line(load(at, 0u, j), load(at, 1u, j), load(at, 2u, j), load(at, 3u, j));
}

fn transform_input(at: At) {
  let a = input_column(at, 0u);
  let b = input_column(at, 1u);
  let c = input_column(at, 2u);
  let d = input_column(at, 3u);
  store_line(at, 0u, input_line(a[0], b[0], c[0], d[0]));
  store_line(at, 1u, input_line(a[1], b[1], c[1], d[1]));
  store_line(at, 2u, input_line(a[2], b[2], c[2], d[2]));
  store_line(at, 3u, input_line(a[3], b[3], c[3], d[3]));
}

fn output_column(at: At, j: u32) -> Outputs {
  return output_line(load(at, 0u, j), load(at, 1u, j), load(at, 2u, j), load(at, 3u, j));
}

fn store_outputs(at: At, i: u32, outputs: Outputs) {
  store(at, i, 0u, outputs[0]);
  store(at, i, 1u, outputs[1]);
}

fn transform_output(at: At) {
  let a = output_column(at, 0u);
  let b = output_column(at, 1u);
  let c = output_column(at, 2u);
  let d = output_column(at, 3u);
  store_outputs(at, 0u, output_line(a[0], b[0], c[0], d[0]));
  store_outputs(at, 1u, output_line(a[1], b[1], c[1], d[1]));
}

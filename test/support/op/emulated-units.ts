/**
 * Matrix units by plain arithmetic, so that all but the units themselves is tested where no adapter has any: 32 invocations
 * count as a subgroup, each with eight sums under each other of a square.
 */
import type { Capabilities, MatrixUnits } from "../../../src/kernel/capabilities.ts";
import { derive } from "../../../src/kernel/derive.ts";
import { withSquares } from "../../../src/kernel/matrix-units.ts";

const TEXT = `
alias element4 = vec4f;
alias Left = u32;
alias Right = u32;
alias Sums = array<f32, 8>;
const PITCH = 5u;
fn load_left(at: u32) -> Left { return at; }
fn load_right(at: u32) -> Right { return at; }
fn plus_square(sums: Sums, left: Left, right: Right) -> Sums {
  let row = left + member.number / 16u % 2u * 8u * PITCH;
  let column = right + member.number % 16u * PITCH;
  var c = sums;
  for (var step = 0u; step < 4u; step++) {
    for (var i = 0u; i < 8u; i++) {
      c[i] += dot(panel[row + i * PITCH + step], panel[column + step]);
    }
  }
  return c;
}
fn store_sums(at: u32, sums: Sums) {
  var c = sums;
  for (var i = 0u; i < 8u; i++) {
    squares[at + (member.number / 16u % 2u * 8u + i) * 16u + member.number % 16u] = c[i];
  }
}
fn own_subgroup() -> u32 { return member.number / 32u; }
`;

const units: MatrixUnits = {
  element: "f32",
  by: (kernel) => derive(kernel, "emulated", () => withSquares(kernel, TEXT)),
};

/** Takes the emulated units in all passes of a convolution. */
export const EMULATED_UNITS: Capabilities = {
  features: [],
  matrixUnits: [units],
  tuned: () => "4x8_workgroup_16x8_matrix",
};

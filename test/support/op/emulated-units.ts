/**
 * Matrix units by plain arithmetic, so that all but the units themselves is tested where no adapter has any: 32 invocations
 * count as a subgroup, each with eight sums under each other of a square.
 */

import { withSquares } from "../../../src/gpu/matrix-units.ts";
import type { Capabilities, MatrixUnits } from "../../../src/kernel/capabilities.ts";
import { derive } from "../../../src/kernel/derive.ts";

const TEXT = `
alias element4 = vec4f;
alias Left = u32;
alias Right = u32;
struct Sums { upper: vec4f, lower: vec4f }
const PITCH = 5u;
fn load_left(at: u32) -> Left { return at; }
fn load_right(at: u32) -> Right { return at; }
fn by_four(at: u32, column: vec4f) -> vec4f {
  return vec4f(
    dot(panel[at], column),
    dot(panel[at + PITCH], column),
    dot(panel[at + 2u * PITCH], column),
    dot(panel[at + 3u * PITCH], column),
  );
}
fn plus_square(sums: Sums, left: Left, right: Right) -> Sums {
  let row = left + member.number / 16u % 2u * 8u * PITCH;
  let column = right + member.number % 16u * PITCH;
  var c = sums;
  for (var step = 0u; step < 4u; step++) {
    c.upper += by_four(row + step, panel[column + step]);
    c.lower += by_four(row + step + 4u * PITCH, panel[column + step]);
  }
  return c;
}
fn store_sums(at: u32, sums: Sums) {
  let first = at + member.number / 16u % 2u * 128u + member.number % 16u;
  for (var i = 0u; i < 4u; i++) {
    squares[first + i * 16u] = sums.upper[i];
    squares[first + (4u + i) * 16u] = sums.lower[i];
  }
}
fn own_subgroup() -> u32 { return member.number / 32u; }
`;

export const EMULATED: MatrixUnits = {
  element: "f32",
  by: (kernel) => derive(kernel, "emulated", () => withSquares(kernel, TEXT)),
};

/** Takes the emulated units in all passes of a convolution. */
export const EMULATED_UNITS: Capabilities = {
  features: [],
  matrixUnits: [EMULATED],
  tuned: () => "4x8_workgroup_16x8_matrix",
};

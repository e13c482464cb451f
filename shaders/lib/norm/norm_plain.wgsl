// A convolution by itself; `norm_after` and `norm_between` give the same functions for one beside batch norms.

// Four vec4s of channels number `column` of the input.
fn normalised(rows: mat4x4f, column: u32) -> mat4x4f {
  return rows;
}

// After a workgroup has stored its tiles.
fn finish_group() {}

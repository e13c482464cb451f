// The operands of a register tile straight from the kernel's tensors: no workgroup memory, no barrier. The other way
// is `share_workgroup`; the interface is in lib/README.md.

const THREADS = 32u;
const COLUMN_STRIDE = 1u;

alias OperandPlace = Place;
alias OperandStep = Step;

fn operand_place(rows4: Rows4, number: u32, cursor: Cursor) -> OperandPlace {
  return place(rows4, cursor);
}

fn operand_rows(place: OperandPlace, step: OperandStep) -> mat4x4f {
  return as_rows(finish_rows(load_rows(place, step), place, step));
}

fn operand_columns(step: OperandStep, column: u32) -> mat4x4f {
  return as_columns(load_columns(step, column));
}

// As a whole: compilers for CPUs make more of it than of sums.
fn plus_product(c: mat4x4f, b: mat4x4f, a: mat4x4f) -> mat4x4f {
  return c + b * a;
}

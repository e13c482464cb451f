// The operands of a register tile straight from the kernel's tensors: no workgroup memory, no barrier. The other
// way is `shared`. Both give the tiles
//   THREADS             invocations of a workgroup
//   Rows, rows_at(quad, number, cursor)  where the tile's quad `number` of rows is at this place of the depth
//   Depth, rows_of(rows, depth), columns_of(depth, column)  mat4x4f: the blocks of both operands
//   COLUMN_STRIDE       between the columns of a tile, in vec4s

const THREADS = 64u;
const COLUMN_STRIDE = 1u;

alias Rows = Place;
alias Depth = Step;

fn rows_at(quad: Quad, number: u32, cursor: Cursor) -> Rows {
  return place(quad, cursor);
}

fn rows_of(rows: Rows, depth: Depth) -> mat4x4f {
  return load_rows(rows, depth);
}

fn columns_of(depth: Depth, column: u32) -> mat4x4f {
  return load_columns(depth, column);
}

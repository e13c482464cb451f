// A workgroup loads blocks of both operands into its memory, a panel of the depth at a time, and every invocation
// takes the operands of its tile from there: for GPUs, where that memory is fast. The interface is in lib/README.md. A
// workgroup is GROUP_ROWS × GROUP_COLUMNS invocations, and a panel PANEL blocks of four steps of depth: `group_8x8`
// and so on.
//
// Neighbours load neighbouring depths of the same rows and columns, so that they read whole lines of memory. The
// columns of a tile are GROUP_COLUMNS apart, so that neighbours read neighbouring vec4s; those that they write
// would all fall into one bank, had the columns not another order in each block of the depth.
// source: Volkov and Demmel 2008, "Benchmarking GPUs to tune dense linear algebra"
// use: four_loads

const COLUMN_STRIDE = GROUP_COLUMNS;
const GROUP_ROWS4 = GROUP_ROWS * TILE_ROWS / 4u;
const GROUP_VECTORS = GROUP_COLUMNS * TILE_COLUMNS / 4u;
const ROW_BLOCKS = GROUP_ROWS4 * PANEL;
const COLUMN_BLOCKS = GROUP_VECTORS * PANEL;

var<workgroup> panel_rows: array<array<vec4f, ROW_BLOCKS>, 4>;
var<workgroup> panel_columns: array<array<vec4f, COLUMN_BLOCKS>, 4>;

// Number of the four rows among those of the workgroup, and of the block among those of the panel.
alias OperandPlace = u32;
alias OperandStep = u32;

struct Member {
  number: u32,
  // First row and first column, as the number of its vec4, of the workgroup.
  row: u32,
  column: u32,
}

var<private> member: Member;

fn tile_slice(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  return group / (group_rows(rows) * group_columns(columns));
}

fn group_rows(rows: u32) -> u32 {
  return (rows + 4u * GROUP_ROWS4 - 1u) / (4u * GROUP_ROWS4);
}

fn group_columns(columns: u32) -> u32 {
  return (columns + 4u * GROUP_VECTORS - 1u) / (4u * GROUP_VECTORS);
}

fn tile_origin(group: u32, local: u32, rows: u32, columns: u32) -> TileOrigin {
  let across = group_columns(columns);
  let row = group / across % group_rows(rows) * (4u * GROUP_ROWS4);
  let column = group % across * GROUP_VECTORS;
  member = Member(local, row, column);
  return TileOrigin(row + local / GROUP_COLUMNS * TILE_ROWS, column + local % GROUP_COLUMNS);
}

fn operand_place(rows4: Rows4, number: u32, cursor: Cursor) -> OperandPlace {
  return member.number / GROUP_COLUMNS * (TILE_ROWS / 4u) + number;
}

fn operand_rows(place: OperandPlace, step: OperandStep) -> mat4x4f {
  let at = place * PANEL + step;
  return mat4x4f(panel_rows[0][at], panel_rows[1][at], panel_rows[2][at], panel_rows[3][at]);
}

fn column_at(step: OperandStep, column: u32) -> u32 {
  return step * GROUP_VECTORS + (column ^ (step * (8u / PANEL)));
}

fn operand_columns(step: OperandStep, column: u32) -> mat4x4f {
  let at = column_at(step, column);
  return mat4x4f(panel_columns[0][at], panel_columns[1][at], panel_columns[2][at], panel_columns[3][at]);
}

fn put_rows(at: u32, a: mat4x4f) {
  panel_rows[0][at] = a[0];
  panel_rows[1][at] = a[1];
  panel_rows[2][at] = a[2];
  panel_rows[3][at] = a[3];
}

fn put_columns(at: u32, b: mat4x4f) {
  panel_columns[0][at] = b[0];
  panel_columns[1][at] = b[1];
  panel_columns[2][at] = b[2];
  panel_columns[3][at] = b[3];
}

fn tile_walk(tile: ptr<function, Tile>, rows: TileRows, range: Range, column: u32) {
  // Each invocation loads at most one block of each operand; where one does not keep all busy, both are loaded at once.
  let row_block = member.number;
  let column_block = member.number - select(0u, ROW_BLOCKS, ROW_BLOCKS < THREADS);  // huge below 0
  let own = member.number % PANEL;
  let own_rows4 = rows4(member.row + row_block / PANEL * 4u);
  let own_column = column_block / PANEL;
  let places = tile_places(rows, cursor_at(range, 0u));

  let steps = range_steps(range);
  let by = cursor_stride(range, PANEL);
  var cursor = cursor_at(range, own);
  for (var first = 0u; first < steps; first += PANEL) {
    // Blocks past the end are loaded, from anywhere, and not used. Both loads come before the first use of either.
    let own_place = place(own_rows4, cursor);
    let own_step = step_at(range, cursor);
    var a: mat4x4f;
    var b: mat4x4f;
    if (row_block < ROW_BLOCKS) {
      a = load_rows(own_place, own_step);
    }
    if (column_block < COLUMN_BLOCKS) {
      b = load_columns(own_step, member.column + own_column);
    }
    cursor = skip(range, cursor, by);
    workgroupBarrier();  // all have used the panel before
    if (row_block < ROW_BLOCKS) {
      put_rows(row_block, finish_rows(a, own_place, own_step));
    }
    if (column_block < COLUMN_BLOCKS) {
      put_columns(column_at(own, own_column), b);
    }
    workgroupBarrier();
    let depth = min(PANEL, steps - first);
    for (var step = 0u; step < depth; step++) {
      tile_accumulate(tile, places, step, column - member.column);
    }
  }
}

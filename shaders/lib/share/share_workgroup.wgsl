// A workgroup loads blocks of both operands into its memory, a slab of the depth at a time, and every invocation
// takes the operands of its register tile from there: for GPUs, where that memory is fast. The interface is
// described in quad, direct and flat. A workgroup is GROUP_ROWS × GROUP_COLUMNS invocations, and a slab SLAB
// blocks of four steps of depth: `group_8x8` and so on.
//
// Neighbours load neighbouring depths of the same rows and columns, so that they read whole lines of memory. The
// columns of a tile are GROUP_COLUMNS apart, so that neighbours read neighbouring vec4s; those that they write
// would all fall into one bank, had the columns not another order in each block of the depth.
// source: Volkov and Demmel 2008, "Benchmarking GPUs to tune dense linear algebra"
// use: fours

const COLUMN_STRIDE = GROUP_COLUMNS;
const GROUP_QUADS = GROUP_ROWS * TILE_ROWS / 4u;
const GROUP_VECTORS = GROUP_COLUMNS * TILE_COLUMNS / 4u;
const ROW_BLOCKS = GROUP_QUADS * SLAB;
const COLUMN_BLOCKS = GROUP_VECTORS * SLAB;

var<workgroup> slab_rows: array<array<vec4f, ROW_BLOCKS>, 4>;
var<workgroup> slab_columns: array<array<vec4f, COLUMN_BLOCKS>, 4>;

// Number of the quad among those of the workgroup, and of the block among those of the slab.
alias Rows = u32;
alias Depth = u32;

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
  return (rows + 4u * GROUP_QUADS - 1u) / (4u * GROUP_QUADS);
}

fn group_columns(columns: u32) -> u32 {
  return (columns + 4u * GROUP_VECTORS - 1u) / (4u * GROUP_VECTORS);
}

fn tile_place(group: u32, local: u32, rows: u32, columns: u32) -> TilePlace {
  let across = group_columns(columns);
  let row = group / across % group_rows(rows) * (4u * GROUP_QUADS);
  let column = group % across * GROUP_VECTORS;
  member = Member(local, row, column);
  return TilePlace(row + local / GROUP_COLUMNS * TILE_ROWS, column + local % GROUP_COLUMNS);
}

fn rows_at(quad: Quad, number: u32, cursor: Cursor) -> Rows {
  return member.number / GROUP_COLUMNS * (TILE_ROWS / 4u) + number;
}

fn rows_of(quad: Rows, depth: Depth) -> mat4x4f {
  let at = quad * SLAB + depth;
  return mat4x4f(slab_rows[0][at], slab_rows[1][at], slab_rows[2][at], slab_rows[3][at]);
}

fn column_at(depth: Depth, column: u32) -> u32 {
  return depth * GROUP_VECTORS + (column ^ (depth * (8u / SLAB)));
}

fn columns_of(depth: Depth, column: u32) -> mat4x4f {
  let at = column_at(depth, column);
  return mat4x4f(slab_columns[0][at], slab_columns[1][at], slab_columns[2][at], slab_columns[3][at]);
}

fn put_rows(at: u32, rows: mat4x4f) {
  slab_rows[0][at] = rows[0];
  slab_rows[1][at] = rows[1];
  slab_rows[2][at] = rows[2];
  slab_rows[3][at] = rows[3];
}

fn put_columns(at: u32, columns: mat4x4f) {
  slab_columns[0][at] = columns[0];
  slab_columns[1][at] = columns[1];
  slab_columns[2][at] = columns[2];
  slab_columns[3][at] = columns[3];
}

fn tile_walk(tile: ptr<function, Tile>, quads: TileQuads, range: Range, column: u32) {
  // Each invocation loads at most one block of each operand; where one does not keep all busy, both are loaded at once.
  let row_block = member.number;
  let column_block = member.number - select(0u, ROW_BLOCKS, ROW_BLOCKS < THREADS);  // huge below 0
  let own = member.number % SLAB;
  let own_quad = quad(member.row + row_block / SLAB * 4u);
  let own_column = column_block / SLAB;
  let places = tile_places(quads, cursor_at(range, 0u));

  let steps = range_steps(range);
  let by = stride(range, SLAB);
  var cursor = cursor_at(range, own);
  for (var first = 0u; first < steps; first += SLAB) {
    var rows = mat4x4f();
    var columns = mat4x4f();
    if (first + own < steps) {
      let step = step_at(range, cursor);
      if (row_block < ROW_BLOCKS) {
        rows = load_rows(place(own_quad, cursor), step);
      }
      if (column_block < COLUMN_BLOCKS) {
        columns = load_columns(step, member.column + own_column);
      }
    }
    cursor = skip(range, cursor, by);
    workgroupBarrier();  // all have used the slab before
    if (row_block < ROW_BLOCKS) {
      put_rows(row_block, rows);
    }
    if (column_block < COLUMN_BLOCKS) {
      put_columns(column_at(own, own_column), columns);
    }
    workgroupBarrier();
    for (var depth = 0u; depth < SLAB; depth++) {
      tile_accumulate(tile, places, depth, column - member.column);
    }
  }
}

// A workgroup loads blocks of both operands into its memory, a panel of the depth at a time, and every invocation
// takes the operands of its tile from there: for GPUs, where that memory is fast. The interface is in lib/README.md. A
// workgroup is GROUP_ROWS × GROUP_COLUMNS invocations: `group_8x8` and so on.
//
// Neighbours load neighbouring depths of the same rows and columns, so that they read whole lines of memory. In the panel
// the vec4s that neighbours read lie side by side, so that they come from different banks: the columns of a tile are
// GROUP_COLUMNS apart, and rows with one number in their tiles follow each other. Those that neighbours write would all fall
// into one bank, had rows and columns not another order in each block of the depth.
//
// What `src/ops/conv/variations.ts` changes: with AHEAD an invocation loads its blocks of the next panel before the workgroup
// sums up the present one, so that even few invocations hide the loads, for as many more registers; a panel may hold f16.
// source: Volkov and Demmel 2008, "Benchmarking GPUs to tune dense linear algebra"
// use: four_loads, members

const COLUMN_STRIDE = GROUP_COLUMNS;
// So that each invocation loads a block of rows, or every second one where more would not fit into the memory.
const PANEL = min(THREADS / GROUP_ROWS4, 8u);
const ROW_BLOCKS = GROUP_ROWS4 * PANEL;
const COLUMN_BLOCKS = GROUP_VECTORS * PANEL;
// Whether that makes one block for each invocation.
const ONE_EACH = ROW_BLOCKS + COLUMN_BLOCKS <= THREADS;

const AHEAD = false;
alias panel4 = vec4f;

var<workgroup> panel_rows: array<array<panel4, ROW_BLOCKS>, 4>;
var<workgroup> panel_columns: array<array<panel4, COLUMN_BLOCKS>, 4>;

// Number of the four rows among those of the workgroup, and of the block among those of the panel.
alias OperandPlace = u32;
alias OperandStep = u32;

fn operand_place(rows4: Rows4, number: u32, cursor: Cursor) -> OperandPlace {
  return row_place(member.number / GROUP_COLUMNS, number);
}

// The rows4 with one number of neighbouring invocations are neighbours.
fn row_place(invocation_row: u32, number: u32) -> u32 {
  return (number * GROUP_ROWS + invocation_row) ^ number;
}

fn row_at(step: OperandStep, place: OperandPlace) -> u32 {
  return step * GROUP_ROWS4 + (place ^ (step * (8u / PANEL)));
}

fn column_at(step: OperandStep, column: u32) -> u32 {
  return step * GROUP_VECTORS + (column ^ (step * (8u / PANEL) % GROUP_VECTORS));
}

fn operand_rows(place: OperandPlace, step: OperandStep) -> mat4x4f {
  let at = row_at(step, place);
  return as_rows(mat4x4f(
    vec4f(panel_rows[0][at]),
    vec4f(panel_rows[1][at]),
    vec4f(panel_rows[2][at]),
    vec4f(panel_rows[3][at]),
  ));
}

fn operand_columns(step: OperandStep, column: u32) -> mat4x4f {
  let at = column_at(step, column);
  return as_columns(mat4x4f(
    vec4f(panel_columns[0][at]),
    vec4f(panel_columns[1][at]),
    vec4f(panel_columns[2][at]),
    vec4f(panel_columns[3][at]),
  ));
}

fn put_rows(at: u32, a: mat4x4f) {
  panel_rows[0][at] = panel4(a[0]);
  panel_rows[1][at] = panel4(a[1]);
  panel_rows[2][at] = panel4(a[2]);
  panel_rows[3][at] = panel4(a[3]);
}

fn put_columns(at: u32, b: mat4x4f) {
  panel_columns[0][at] = panel4(b[0]);
  panel_columns[1][at] = panel4(b[1]);
  panel_columns[2][at] = panel4(b[2]);
  panel_columns[3][at] = panel4(b[3]);
}

// As fused multiply-adds: not every compiler takes the product of two matrices apart to add c first.
fn plus_product(c: mat4x4f, b: mat4x4f, a: mat4x4f) -> mat4x4f {
  return mat4x4f(plus(c[0], b, a[0]), plus(c[1], b, a[1]), plus(c[2], b, a[2]), plus(c[3], b, a[3]));
}

fn plus(c: vec4f, b: mat4x4f, a: vec4f) -> vec4f {
  return fma(b[3], a.wwww, fma(b[2], a.zzzz, fma(b[1], a.yyyy, fma(b[0], a.xxxx, c))));
}

// What an invocation loads for a panel: a block of rows, of columns, or with ONE_EACH one of them, which is `a`.
struct Loaded {
  place: Place,
  step: Step,
  a: mat4x4f,
  b: mat4x4f,
}

// Both loads come before the first use of either.
fn load_blocks(rows4: Rows4, column: u32, with_rows: bool, range: Range, cursor: Cursor) -> Loaded {
  var blocks: Loaded;
  blocks.place = place(rows4, cursor);
  blocks.step = step_at(range, cursor);
  if (ONE_EACH && !with_rows) {
    blocks.a = load_columns(blocks.step, column);
  } else {
    blocks.a = load_rows(blocks.place, blocks.step);
  }
  if (!ONE_EACH) {
    blocks.b = load_columns(blocks.step, column);
  }
  return blocks;
}

fn tile_walk(tile: ptr<function, Tile>, rows: TileRows, range: Range, column: u32) {
  // Where there are fewer blocks of columns than invocations, some load the same: a value for those that load none would
  // have to be made at every turn.
  let own = member.number % PANEL;
  let own_row = member.number / PANEL;
  let own_column = member.number / PANEL % GROUP_VECTORS;
  let row_block = row_at(own, row_place(own_row / (TILE_ROWS / 4u), own_row % (TILE_ROWS / 4u)));
  let column_block = column_at(own, own_column);
  let with_rows = ROW_BLOCKS == THREADS || member.number < ROW_BLOCKS;
  let with_columns = COLUMN_BLOCKS == THREADS || member.number >= THREADS - COLUMN_BLOCKS;
  let own_rows4 = rows4(member.row + own_row * 4u);
  let places = tile_places(rows, cursor_at(range, 0u));

  let steps = range_steps(range);
  let stride = cursor_stride(range, PANEL);
  var cursor = cursor_at(range, own);
  var loaded: Loaded;
  if (AHEAD) {
    loaded = load_blocks(own_rows4, member.column + own_column, with_rows, range, cursor);
  }
  for (var first = 0u; first < steps; first += PANEL) {
    if (!AHEAD) {
      loaded = load_blocks(own_rows4, member.column + own_column, with_rows, range, cursor);
    }
    cursor = skip(range, cursor, stride);
    workgroupBarrier();  // all have used the panel before
    if (with_columns) {
      if (ONE_EACH) {
        loaded.b = loaded.a;
      }
      put_columns(column_block, loaded.b);
    }
    if (with_rows) {
      put_rows(row_block, finish_rows(loaded.a, loaded.place, loaded.step));
      if (first + own >= steps) {
        put_rows(row_block, mat4x4f());  // past the end, where it meets any columns
      }
    }
    workgroupBarrier();
    if (AHEAD) {
      loaded = load_blocks(own_rows4, member.column + own_column, with_rows, range, cursor);
    }
    for (var step = 0u; step < PANEL; step++) {
      tile_accumulate(tile, places, step, column - member.column);
    }
  }
}

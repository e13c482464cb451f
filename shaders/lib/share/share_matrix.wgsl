// A workgroup multiplies by the matrix units of a GPU, a square of 16 × 16 numbers at a time. No kernel is linked with this:
// `src/gpu/matrix-units.ts` puts it, with what it asks of the units, in the place of `share_workgroup` and `tile_4x8` in
// kernels of `group_16x8`, which have as many invocations and sums.
//
// A workgroup has 64 × 64 sums, each of four subgroups a quarter of them: two squares by two. The panel in the workgroup's
// memory is as deep as a square, so that each invocation loads one block of 4 × 4: the first half of them of rows, the others
// of columns. In the end the sums go through that memory too, a square of each subgroup at a time, and every invocation
// takes from there the tile that it stores. Units that compute wrong, or subgroups of more than 32 invocations, give wrong
// sums: the tuner compares a variant's result before it times it, and `selfTest` those of all.
//
// What it asks of the units:
//   element4                          a vec4 of numbers that they multiply
//   PITCH                             from one row or column of the panel to the next, in vec4s
//   Left, load_left(at)               a square of rows of the panel
//   Right, load_right(at)             one of columns
//   Sums, plus_square(sums, l, r)     sums + l · r
//   store_sums(at, sums)              puts them into `squares`, row by row
//   own_subgroup()                    number of the invocation's subgroup

const TILE_ROWS = 4u;
const TILE_COLUMNS = 8u;
const SUBGROUPS = 4u;
// Blocks of four steps.
const PANEL = 4u;

// Steps follow each other, in vec4s: 64 rows, and then 64 columns.
var<workgroup> panel: array<element4, 128u * PITCH>;
var<workgroup> squares: array<f32, SUBGROUPS * 256u>;

struct Tile {
  left: mat4x4f,
  right: mat4x4f,
}

alias TileRows = Rows4;

fn tile_rows(row: u32) -> TileRows {
  return rows4(row);
}

fn tile_store(tile: ptr<function, Tile>, rows: TileRows, slice: u32, column: u32) {
  store_rows(rows, slice, column, (*tile).left);
  store_rows(rows, slice, column + GROUP_COLUMNS, (*tile).right);
}

fn squares_row(at: u32) -> vec4f {
  return vec4f(squares[at], squares[at + 1u], squares[at + 2u], squares[at + 3u]);
}

fn squares_block(at: u32) -> mat4x4f {
  return mat4x4f(squares_row(at), squares_row(at + 16u), squares_row(at + 32u), squares_row(at + 48u));
}

// One square of each subgroup: an invocation takes its tile from those of two subgroups, in one of four such turns.
fn take(tile: ptr<function, Tile>, subgroup: u32, turn: u32, sums: Sums) {
  let row = member.number / GROUP_COLUMNS;
  let column = member.number % GROUP_COLUMNS;
  workgroupBarrier();
  store_sums(subgroup * 256u, sums);
  workgroupBarrier();
  if (row / 4u % 2u * 2u + column / 4u == turn) {
    let at = row / 8u * 512u + row % 4u * 64u + column % 4u * 4u;
    (*tile).left = squares_block(at);
    (*tile).right = squares_block(at + 256u);
  }
}

fn tile_walk(tile: ptr<function, Tile>, rows: TileRows, range: Range, column: u32) {
  let own = member.number % PANEL;
  let own_block = member.number / PANEL;
  let with_rows = own_block < 16u;
  let own_rows4 = rows4(member.row + own_block * 4u);
  // Where subgroups are smaller there are more of them, and some compute the same.
  let subgroup = own_subgroup() % SUBGROUPS;
  let row = subgroup / 2u * 32u * PITCH;
  let column_row = (64u + subgroup % 2u * 32u) * PITCH;

  var c00 = Sums();
  var c01 = Sums();
  var c10 = Sums();
  var c11 = Sums();
  let steps = range_steps(range);
  let stride = cursor_stride(range, PANEL);
  var cursor = cursor_at(range, own);
  for (var first = 0u; first < steps; first += PANEL) {
    let own_place = place(own_rows4, cursor);
    let own_step = step_at(range, cursor);
    var loaded: mat4x4f;
    if (with_rows) {
      loaded = load_rows(own_place, own_step);
    } else {
      loaded = load_columns(own_step, member.column + own_block - 16u);
    }
    cursor = skip(range, cursor, stride);
    workgroupBarrier();  // all have used the panel before
    if (with_rows) {
      loaded = as_rows(finish_rows(loaded, own_place, own_step));
    } else {
      loaded = transpose(as_columns(loaded));
    }
    if (first + own >= steps) {
      loaded = mat4x4f();  // past the end, in both: what is finite may be infinite as f16
    }
    let at = own_block * 4u * PITCH + own;
    panel[at] = element4(loaded[0]);
    panel[at + PITCH] = element4(loaded[1]);
    panel[at + 2u * PITCH] = element4(loaded[2]);
    panel[at + 3u * PITCH] = element4(loaded[3]);
    workgroupBarrier();
    let a0 = load_left(row);
    let a1 = load_left(row + 16u * PITCH);
    let b0 = load_right(column_row);
    let b1 = load_right(column_row + 16u * PITCH);
    c00 = plus_square(c00, a0, b0);
    c01 = plus_square(c01, a0, b1);
    c10 = plus_square(c10, a1, b0);
    c11 = plus_square(c11, a1, b1);
  }
  take(tile, subgroup, 0u, c00);
  take(tile, subgroup, 1u, c01);
  take(tile, subgroup, 2u, c10);
  take(tile, subgroup, 3u, c11);
}

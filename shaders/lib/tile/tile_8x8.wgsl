// Register tile of 8 rows × 8 columns: the part of a matrix product A · B that one invocation computes,
// in blocks of 4×4 that are named values, since arrays indexed by a variable leave the registers.
//
// A block of the result is a mat4x4f whose column i is row i of the product, four columns wide. A kernel
// that links a tile gives the operands, four rows, columns and steps of depth at a time:
//   Quad, quad(row)                  what it keeps of the four rows from `row` on
//   Place, place(quad, cursor)       where those rows are, at a place of the depth
//   Step, load_rows(place, step)     mat4x4f: column i is row i of A, four steps of depth long
//   load_columns(step, column)       mat4x4f: column d is step d of B, the four columns of vec4 number `column`
//   store_rows(quad, slice, column, c)  takes a finished block of the kernel's part number `slice` (a
//                                       split, a phase); ignores rows and columns past the end. It has its
//                                       rows in a loop, which GPUs unroll: a CPU-class adapter compiles long
//                                       for each store in the text
// `place` and both loads must be safe past the end too. `direct` and `shared` bring the operands to the tile.
// use: tiles

const TILE_ROWS = 8u;
const TILE_COLUMNS = 8u;

struct Tile {
  c00: mat4x4f,
  c01: mat4x4f,
  c10: mat4x4f,
  c11: mat4x4f,
}

struct TileQuads {
  q0: Quad,
  q1: Quad,
}

struct TilePlaces {
  p0: Rows,
  p1: Rows,
}

fn tile_quads(row: u32) -> TileQuads {
  return TileQuads(quad(row), quad(row + 4u));
}

fn tile_places(quads: TileQuads, cursor: Cursor) -> TilePlaces {
  return TilePlaces(rows_at(quads.q0, 0u, cursor), rows_at(quads.q1, 1u, cursor));
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, depth: Depth, column: u32) {
  let a0 = rows_of(places.p0, depth);
  let a1 = rows_of(places.p1, depth);
  let b0 = columns_of(depth, column);
  (*tile).c00 += b0 * a0;
  (*tile).c10 += b0 * a1;
  let b1 = columns_of(depth, column + COLUMN_STRIDE);
  (*tile).c01 += b1 * a0;
  (*tile).c11 += b1 * a1;
}

fn tile_store(tile: ptr<function, Tile>, quads: TileQuads, slice: u32, column: u32) {
  store_rows(quads.q0, slice, column, (*tile).c00);
  store_rows(quads.q0, slice, column + COLUMN_STRIDE, (*tile).c01);
  store_rows(quads.q1, slice, column, (*tile).c10);
  store_rows(quads.q1, slice, column + COLUMN_STRIDE, (*tile).c11);
}

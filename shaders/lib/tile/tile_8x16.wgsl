// Register tile of 8 rows × 16 columns, in the words of lib/README.md.
// use: count_tiles

const TILE_ROWS = 8u;
const TILE_COLUMNS = 16u;

struct Tile {
  c00: mat4x4f,
  c01: mat4x4f,
  c02: mat4x4f,
  c03: mat4x4f,
  c10: mat4x4f,
  c11: mat4x4f,
  c12: mat4x4f,
  c13: mat4x4f,
}

struct TileRows {
  r0: Rows4,
  r1: Rows4,
}

struct TilePlaces {
  p0: OperandPlace,
  p1: OperandPlace,
}

fn tile_rows(row: u32) -> TileRows {
  return TileRows(rows4(row), rows4(row + 4u));
}

fn tile_places(rows: TileRows, cursor: Cursor) -> TilePlaces {
  return TilePlaces(operand_place(rows.r0, 0u, cursor), operand_place(rows.r1, 1u, cursor));
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, step: OperandStep, column: u32) {
  let a0 = operand_rows(places.p0, step);
  let a1 = operand_rows(places.p1, step);
  let b0 = operand_columns(step, column);
  (*tile).c00 = plus_product((*tile).c00, b0, a0);
  (*tile).c10 = plus_product((*tile).c10, b0, a1);
  let b1 = operand_columns(step, column + COLUMN_STRIDE);
  (*tile).c01 = plus_product((*tile).c01, b1, a0);
  (*tile).c11 = plus_product((*tile).c11, b1, a1);
  let b2 = operand_columns(step, column + 2u * COLUMN_STRIDE);
  (*tile).c02 = plus_product((*tile).c02, b2, a0);
  (*tile).c12 = plus_product((*tile).c12, b2, a1);
  let b3 = operand_columns(step, column + 3u * COLUMN_STRIDE);
  (*tile).c03 = plus_product((*tile).c03, b3, a0);
  (*tile).c13 = plus_product((*tile).c13, b3, a1);
}

// Copies that a loop indexes: SwiftShader, which this tile is for, compiles long for each store in the text.
fn tile_store(tile: ptr<function, Tile>, rows: TileRows, slice: u32, column: u32) {
  var blocks = array<mat4x4f, 8>(
    (*tile).c00, (*tile).c01, (*tile).c02, (*tile).c03,
    (*tile).c10, (*tile).c11, (*tile).c12, (*tile).c13,
  );
  var whose = array<Rows4, 2>(rows.r0, rows.r1);
  for (var i = 0u; i < 8u; i++) {
    store_rows(whose[i / 4u], slice, column + i % 4u * COLUMN_STRIDE, blocks[i]);
  }
}

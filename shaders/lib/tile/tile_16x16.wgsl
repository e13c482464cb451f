// Register tile of 16 rows × 16 columns, in the words of lib/README.md.
// use: count_tiles

const TILE_ROWS = 16u;
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
  c20: mat4x4f,
  c21: mat4x4f,
  c22: mat4x4f,
  c23: mat4x4f,
  c30: mat4x4f,
  c31: mat4x4f,
  c32: mat4x4f,
  c33: mat4x4f,
}

struct TileRows {
  r0: Rows4,
  r1: Rows4,
  r2: Rows4,
  r3: Rows4,
}

struct TilePlaces {
  p0: OperandPlace,
  p1: OperandPlace,
  p2: OperandPlace,
  p3: OperandPlace,
}

fn tile_rows(row: u32) -> TileRows {
  return TileRows(rows4(row), rows4(row + 4u), rows4(row + 8u), rows4(row + 12u));
}

fn tile_places(rows: TileRows, cursor: Cursor) -> TilePlaces {
  return TilePlaces(
    operand_place(rows.r0, 0u, cursor),
    operand_place(rows.r1, 1u, cursor),
    operand_place(rows.r2, 2u, cursor),
    operand_place(rows.r3, 3u, cursor),
  );
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, step: OperandStep, column: u32) {
  let a0 = operand_rows(places.p0, step);
  let a1 = operand_rows(places.p1, step);
  let a2 = operand_rows(places.p2, step);
  let a3 = operand_rows(places.p3, step);
  let b0 = operand_columns(step, column);
  (*tile).c00 = plus_product((*tile).c00, b0, a0);
  (*tile).c10 = plus_product((*tile).c10, b0, a1);
  (*tile).c20 = plus_product((*tile).c20, b0, a2);
  (*tile).c30 = plus_product((*tile).c30, b0, a3);
  let b1 = operand_columns(step, column + COLUMN_STRIDE);
  (*tile).c01 = plus_product((*tile).c01, b1, a0);
  (*tile).c11 = plus_product((*tile).c11, b1, a1);
  (*tile).c21 = plus_product((*tile).c21, b1, a2);
  (*tile).c31 = plus_product((*tile).c31, b1, a3);
  let b2 = operand_columns(step, column + 2u * COLUMN_STRIDE);
  (*tile).c02 = plus_product((*tile).c02, b2, a0);
  (*tile).c12 = plus_product((*tile).c12, b2, a1);
  (*tile).c22 = plus_product((*tile).c22, b2, a2);
  (*tile).c32 = plus_product((*tile).c32, b2, a3);
  let b3 = operand_columns(step, column + 3u * COLUMN_STRIDE);
  (*tile).c03 = plus_product((*tile).c03, b3, a0);
  (*tile).c13 = plus_product((*tile).c13, b3, a1);
  (*tile).c23 = plus_product((*tile).c23, b3, a2);
  (*tile).c33 = plus_product((*tile).c33, b3, a3);
}

fn tile_store(tile: ptr<function, Tile>, rows: TileRows, slice: u32, column: u32) {
  store_rows(rows.r0, slice, column, (*tile).c00);
  store_rows(rows.r0, slice, column + COLUMN_STRIDE, (*tile).c01);
  store_rows(rows.r0, slice, column + 2u * COLUMN_STRIDE, (*tile).c02);
  store_rows(rows.r0, slice, column + 3u * COLUMN_STRIDE, (*tile).c03);
  store_rows(rows.r1, slice, column, (*tile).c10);
  store_rows(rows.r1, slice, column + COLUMN_STRIDE, (*tile).c11);
  store_rows(rows.r1, slice, column + 2u * COLUMN_STRIDE, (*tile).c12);
  store_rows(rows.r1, slice, column + 3u * COLUMN_STRIDE, (*tile).c13);
  store_rows(rows.r2, slice, column, (*tile).c20);
  store_rows(rows.r2, slice, column + COLUMN_STRIDE, (*tile).c21);
  store_rows(rows.r2, slice, column + 2u * COLUMN_STRIDE, (*tile).c22);
  store_rows(rows.r2, slice, column + 3u * COLUMN_STRIDE, (*tile).c23);
  store_rows(rows.r3, slice, column, (*tile).c30);
  store_rows(rows.r3, slice, column + COLUMN_STRIDE, (*tile).c31);
  store_rows(rows.r3, slice, column + 2u * COLUMN_STRIDE, (*tile).c32);
  store_rows(rows.r3, slice, column + 3u * COLUMN_STRIDE, (*tile).c33);
}

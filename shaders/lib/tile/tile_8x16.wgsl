// Register tile of 8 rows × 16 columns; the interface is described in tile_8x8.
// use: tiles

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
  let b2 = columns_of(depth, column + 2u * COLUMN_STRIDE);
  (*tile).c02 += b2 * a0;
  (*tile).c12 += b2 * a1;
  let b3 = columns_of(depth, column + 3u * COLUMN_STRIDE);
  (*tile).c03 += b3 * a0;
  (*tile).c13 += b3 * a1;
}

fn tile_store(tile: ptr<function, Tile>, quads: TileQuads, slice: u32, column: u32) {
  store_rows(quads.q0, slice, column, (*tile).c00);
  store_rows(quads.q0, slice, column + COLUMN_STRIDE, (*tile).c01);
  store_rows(quads.q0, slice, column + 2u * COLUMN_STRIDE, (*tile).c02);
  store_rows(quads.q0, slice, column + 3u * COLUMN_STRIDE, (*tile).c03);
  store_rows(quads.q1, slice, column, (*tile).c10);
  store_rows(quads.q1, slice, column + COLUMN_STRIDE, (*tile).c11);
  store_rows(quads.q1, slice, column + 2u * COLUMN_STRIDE, (*tile).c12);
  store_rows(quads.q1, slice, column + 3u * COLUMN_STRIDE, (*tile).c13);
}

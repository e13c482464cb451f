// Register tile of 4 rows × 8 columns; the interface is described in tile_8x8.
// use: tiles

const TILE_ROWS = 4u;
const TILE_COLUMNS = 8u;

struct Tile {
  c00: mat4x4f,
  c01: mat4x4f,
}

struct TileQuads {
  q0: Quad,
}

struct TilePlaces {
  p0: Rows,
}

fn tile_quads(row: u32) -> TileQuads {
  return TileQuads(quad(row));
}

fn tile_places(quads: TileQuads, cursor: Cursor) -> TilePlaces {
  return TilePlaces(rows_at(quads.q0, 0u, cursor));
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, depth: Depth, column: u32) {
  let a0 = rows_of(places.p0, depth);
  let b0 = columns_of(depth, column);
  (*tile).c00 += b0 * a0;
  let b1 = columns_of(depth, column + COLUMN_STRIDE);
  (*tile).c01 += b1 * a0;
}

fn tile_store(tile: ptr<function, Tile>, quads: TileQuads, slice: u32, column: u32) {
  store_rows(quads.q0, slice, column, (*tile).c00);
  store_rows(quads.q0, slice, column + COLUMN_STRIDE, (*tile).c01);
}

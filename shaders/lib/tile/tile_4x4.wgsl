// Register tile of 4 rows × 4 columns, in the words of lib/README.md.
// use: count_tiles

const TILE_ROWS = 4u;
const TILE_COLUMNS = 4u;

struct Tile {
  c00: mat4x4f,
}

struct TileRows {
  r0: Rows4,
}

struct TilePlaces {
  p0: OperandPlace,
}

fn tile_rows(row: u32) -> TileRows {
  return TileRows(rows4(row));
}

fn tile_places(rows: TileRows, cursor: Cursor) -> TilePlaces {
  return TilePlaces(operand_place(rows.r0, 0u, cursor));
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, step: OperandStep, column: u32) {
  (*tile).c00 = plus_product((*tile).c00, operand_columns(step, column), operand_rows(places.p0, step));
}

fn tile_store(tile: ptr<function, Tile>, rows: TileRows, slice: u32, column: u32) {
  store_rows(rows.r0, slice, column, (*tile).c00);
}

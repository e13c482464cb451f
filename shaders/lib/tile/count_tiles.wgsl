// Tiles of a product of `rows` × `columns`.

// Where a tile begins: its first row, and its first column as the number of its vec4.
struct TileOrigin {
  row: u32,
  column: u32,
}

fn row_tiles(rows: u32) -> u32 {
  return (rows + TILE_ROWS - 1u) / TILE_ROWS;
}

fn column_tiles(columns: u32) -> u32 {
  return (columns + TILE_COLUMNS - 1u) / TILE_COLUMNS;
}

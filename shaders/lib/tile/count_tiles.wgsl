// Tiles of a product of `rows` × `columns`.

// The first row, and the first column as the number of its vec4.
struct TilePlace {
  row: u32,
  column: u32,
}

fn row_tiles(rows: u32) -> u32 {
  return (rows + TILE_ROWS - 1u) / TILE_ROWS;
}

fn column_tiles(columns: u32) -> u32 {
  return (columns + TILE_COLUMNS - 1u) / TILE_COLUMNS;
}

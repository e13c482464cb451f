// Every invocation computes its tile on its own; the interface is described in quad.
// use: fours, direct

fn tile_slice(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  return (group * THREADS + local) / (row_tiles(rows) * column_tiles(columns));
}

fn tile_place(group: u32, local: u32, rows: u32, columns: u32) -> TilePlace {
  let id = group * THREADS + local;
  let across = column_tiles(columns);
  return TilePlace(id / across % row_tiles(rows) * TILE_ROWS, id % across * (TILE_COLUMNS / 4u));
}

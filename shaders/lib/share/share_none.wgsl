// Every invocation loads the operands of its tile itself; the interface is in lib/README.md.
// use: four_loads, operands_direct

fn tile_slice(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  return (group * THREADS + local) / (row_tiles(rows) * column_tiles(columns));
}

fn tile_origin(group: u32, local: u32, rows: u32, columns: u32) -> TileOrigin {
  let id = group * THREADS + local;
  let across = column_tiles(columns);
  return TileOrigin(id / across % row_tiles(rows) * TILE_ROWS, id % across * (TILE_COLUMNS / 4u));
}

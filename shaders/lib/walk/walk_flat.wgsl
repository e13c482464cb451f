// Sums up a tile over a range of the depth, in one loop without a branch; the interface is in lib/README.md.
// `walk_nested` is for a long depth: to enter an inner loop, or to have a branch in the loop, costs a CPU-class adapter
// more than to find the rows' places anew at every step.

fn tile_walk(tile: ptr<function, Tile>, rows: TileRows, range: Range, column: u32) {
  let one = cursor_stride(range, 1u);
  var cursor = cursor_at(range, 0u);
  for (var i = range_steps(range); i > 0u; i--) {
    tile_accumulate(tile, tile_places(rows, cursor), step_at(range, cursor), column);
    cursor = skip(range, cursor, one);
  }
}

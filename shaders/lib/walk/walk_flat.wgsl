// Sums up a tile over a range of the depth, in one loop without a branch. The kernel gives
//   Range, Cursor           what to go over, and a place in it
//   range_steps(range)      how many blocks of four steps of depth
//   cursor_at(range, i)     block number i, by division
//   stride(range, n), skip(range, cursor, stride)  n blocks further, by carrying
//   step_at(range, cursor)  what the loads take
//   place(quad, cursor)     where rows are
// `deep` is the same for a long depth: to enter an inner loop, or to have a branch in the loop, costs a CPU-class
// adapter more than to find the rows' places anew at every step.

fn tile_walk(tile: ptr<function, Tile>, quads: TileQuads, range: Range, column: u32) {
  let one = stride(range, 1u);
  var cursor = cursor_at(range, 0u);
  for (var i = range_steps(range); i > 0u; i--) {
    tile_accumulate(tile, tile_places(quads, cursor), step_at(range, cursor), column);
    cursor = skip(range, cursor, one);
  }
}

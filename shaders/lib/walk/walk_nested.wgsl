// As `walk_flat`, for a long depth and a range of `range_taps`: the rows' places stay fixed in the inner loop.

fn tile_walk(tile: ptr<function, Tile>, rows: TileRows, range: Range, column: u32) {
  let next_tap = cursor_stride(range, range_channels(range));
  var tap = range.begin;
  for (var i = range.taps.x * range.taps.y; i > 0u; i--) {
    let places = tile_places(rows, tap);
    var step = step_at(range, tap);
    for (var depth = range_channels(range); depth > 0u; depth--) {
      tile_accumulate(tile, places, step, column);
      step = go(step, range.deeper, 1u);
    }
    tap = skip(range, tap, next_tap);
  }
}

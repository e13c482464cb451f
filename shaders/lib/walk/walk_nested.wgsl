// As `walk_flat`, for a long depth and a range of `range_taps`: the rows' places stay fixed in the inner loop.

fn tile_walk(tile: ptr<function, Tile>, rows: TileRows, range: Range, column: u32) {
  var tap = vec2u(0u);
  for (var i = range.taps.x * range.taps.y; i > 0u; i--) {
    let places = tile_places(rows, Cursor(tap, 0u));
    for (var depth = range.begin; depth < range.end; depth++) {
      tile_accumulate(tile, places, step_at(range, Cursor(tap, depth)), column);
    }
    tap = select(vec2u(tap.x, tap.y + 1u), vec2u(tap.x + 1u, 0u), tap.y + 1u == range.taps.y);
  }
}

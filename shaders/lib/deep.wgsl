// Sums up a tile over the taps of a filter and the vec4s `begin` … `end` − 1 of the depth. The kernel gives
// step_at(tap, depth) and, as for every tile, place(quad, tap).
//
// For a long depth: the rows' places stay fixed in the inner loop. `flat` is for a short one.

fn tile_walk(
  tile: ptr<function, Tile>,
  quads: TileQuads,
  taps: vec2u,
  begin: u32,
  end: u32,
  column: u32,
) {
  var tap = vec2u(0u);
  for (var i = taps.x * taps.y; i > 0u; i--) {
    let places = tile_places(quads, tap);
    for (var depth = begin; depth < end; depth++) {
      tile_accumulate(tile, places, step_at(tap, depth), column);
    }
    tap = select(vec2u(tap.x, tap.y + 1u), vec2u(tap.x + 1u, 0u), tap.y + 1u == taps.y);
  }
}

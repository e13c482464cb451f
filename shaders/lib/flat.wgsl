// As `deep`, in one loop without a branch, for a short depth: to enter an inner loop, or to have a branch in
// the loop, costs a CPU-class adapter more than to find the rows' places anew at every step.

fn tile_walk(
  tile: ptr<function, Tile>,
  quads: TileQuads,
  taps: vec2u,
  begin: u32,
  end: u32,
  column: u32,
) {
  var tap = vec2u(0u);
  var depth = begin;
  for (var i = taps.x * taps.y * (end - begin); i > 0u; i--) {
    tile_accumulate(tile, tile_places(quads, tap), step_at(tap, depth), column);
    let last = depth + 1u == end;
    depth = select(depth + 1u, begin, last);
    let right = tap.y + u32(last);
    tap = select(vec2u(tap.x, right), vec2u(tap.x + 1u, 0u), right == taps.y);
  }
}

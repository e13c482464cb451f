// Register tile of 4 rows × 4 columns; the interface is described in tile_8x8.

const TILE_ROWS = 4u;
const TILE_COLUMNS = 4u;

struct Tile {
  c00: mat4x4f,
}

struct TileQuads {
  q0: Quad,
}

struct TilePlaces {
  p0: Place,
}

fn tile_quads(row: u32) -> TileQuads {
  return TileQuads(quad(row));
}

fn tile_places(quads: TileQuads, tap: Tap) -> TilePlaces {
  return TilePlaces(place(quads.q0, tap));
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, step: Step, column: u32) {
  (*tile).c00 += load_columns(step, column) * load_rows(places.p0, step);
}

fn tile_store(tile: ptr<function, Tile>, quads: TileQuads, slice: u32, column: u32) {
  store_rows(quads.q0, slice, column, (*tile).c00);
}

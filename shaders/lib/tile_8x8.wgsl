// Register tile of 8 rows × 8 columns: the part of a matrix product A · B that one invocation computes,
// in blocks of 4×4 that are named values, since arrays indexed by a variable leave the registers.
//
// A block of the result is a mat4x4f whose column i is row i of the product, four columns wide. A kernel
// that links a tile gives the operands, four rows, columns and steps of depth at a time:
//   Quad, quad(row)               what it keeps of the four rows from `row` on
//   Tap, Place, place(quad, tap)  where those rows are, hoisted out of the loop over the depth
//   Step, load_rows(place, step)  mat4x4f: column i is row i of A, four steps of depth long
//   load_columns(step, column)    mat4x4f: column d is step d of B, the four columns of vec4 number `column`
//   store_rows(quad, slice, column, c)  takes a finished block of the kernel's part number `slice` (a
//                                       split, a phase); ignores rows and columns past the end
// `place` and both loads must be safe past the end too.

const TILE_ROWS = 8u;
const TILE_COLUMNS = 8u;

struct Tile {
  c00: mat4x4f,
  c01: mat4x4f,
  c10: mat4x4f,
  c11: mat4x4f,
}

struct TileQuads {
  q0: Quad,
  q1: Quad,
}

struct TilePlaces {
  p0: Place,
  p1: Place,
}

fn tile_quads(row: u32) -> TileQuads {
  return TileQuads(quad(row), quad(row + 4u));
}

fn tile_places(quads: TileQuads, tap: Tap) -> TilePlaces {
  return TilePlaces(place(quads.q0, tap), place(quads.q1, tap));
}

fn tile_accumulate(tile: ptr<function, Tile>, places: TilePlaces, step: Step, column: u32) {
  let a0 = load_rows(places.p0, step);
  let a1 = load_rows(places.p1, step);
  let b0 = load_columns(step, column);
  (*tile).c00 += b0 * a0;
  (*tile).c10 += b0 * a1;
  let b1 = load_columns(step, column + 1u);
  (*tile).c01 += b1 * a0;
  (*tile).c11 += b1 * a1;
}

fn tile_store(tile: ptr<function, Tile>, quads: TileQuads, slice: u32, column: u32) {
  store_rows(quads.q0, slice, column, (*tile).c00);
  store_rows(quads.q0, slice, column + 1u, (*tile).c01);
  store_rows(quads.q1, slice, column, (*tile).c10);
  store_rows(quads.q1, slice, column + 1u, (*tile).c11);
}

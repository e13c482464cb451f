// Four invocations in a row, a quad, work on the same columns of neighbouring rows: each loads one vec4 of four
// and gets the others from its neighbours.
//
// `alone` is the same without sharing, `shared` has a workgroup share. All give a kernel
//   tile_slice(group, local, rows, columns)  which slice (a split, a phase, a tap) of the product an invocation
//                                            works on, uniform where barriers need it
//   tile_place(group, local, rows, columns)  the first row and the first column, as the number of its vec4, of
//                                            the tile that it computes; to be called once
//   Four, four_from(first)  numbers first … first + 3: all of them, or the one that is this invocation's;
//                           arithmetic on them is written once for both
//   all_four(four)          all of them
//   load_four(at)           mat4x4f of vec4s number `at`, which the kernel's load_shared(at) loads
//
// A quad goes through the kernel together, as sharing needs: row tiles are counted in fours, so it has one column
// and one slice, and those alone decide on returns and on how long loops are. Invocations of a workgroup of one
// dimension are in quads in order of their number. Tiles of more than 8×16, such as 12×16 and 4×32, lose.
// use: subgroups, direct

alias Four = u32;

var<private> lane: u32;

// Row tiles, in fours.
fn quad_rows(rows: u32) -> u32 {
  return (row_tiles(rows) + 3u) / 4u * 4u;
}

fn tile_slice(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  return (group * THREADS + local) / (quad_rows(rows) * column_tiles(columns));
}

fn tile_place(group: u32, local: u32, rows: u32, columns: u32) -> TilePlace {
  let id = group * THREADS + local;
  lane = id % 4u;
  let down = quad_rows(rows);
  return TilePlace(id % down * TILE_ROWS, id / down % column_tiles(columns) * (TILE_COLUMNS / 4u));
}

fn four_from(first: u32) -> Four {
  return first + lane;
}

fn all_four(four: Four) -> vec4u {
  return vec4u(
    quadBroadcast(four, 0u),
    quadBroadcast(four, 1u),
    quadBroadcast(four, 2u),
    quadBroadcast(four, 3u),
  );
}

fn load_four(at: Four) -> mat4x4f {
  let own = load_shared(at);
  return mat4x4f(
    quadBroadcast(own, 0u),
    quadBroadcast(own, 1u),
    quadBroadcast(own, 2u),
    quadBroadcast(own, 3u),
  );
}

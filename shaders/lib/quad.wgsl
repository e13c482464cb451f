// Four invocations in a row, a quad, work on the same columns of neighbouring rows: each loads one vec4 of four
// and gets the others from its neighbours.
//
// `alone` is the same without sharing. Both give a kernel
//   tile_place(id, row_tiles, column_tiles)  which tile of the product invocation `id` computes
//   Four, four_from(first)  numbers first … first + 3: all of them, or the one that is this invocation's;
//                           arithmetic on them is written once for both
//   all_four(four)          all of them
//   load_four(at)           mat4x4f of vec4s number `at`, which the kernel's load_shared(at) loads
//
// A quad goes through the kernel together, as sharing needs: row tiles are counted in fours, so it has one column
// and one slice, and those alone decide on returns and on how long loops are. Invocations of a workgroup of one
// dimension are in quads in order of their number. Tiles of more than 8×16, such as 12×16 and 4×32, lose.
// use: subgroups

alias Four = u32;

struct TilePlace {
  row: u32,
  column: u32,
  slice: u32,
}

var<private> lane: u32;

fn tile_place(id: u32, row_tiles: u32, column_tiles: u32) -> TilePlace {
  lane = id % 4u;
  let rows = (row_tiles + 3u) / 4u * 4u;
  return TilePlace(id % rows, id / rows % column_tiles, id / (rows * column_tiles));
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

// Four invocations in a row, a quad, work on the same columns of neighbouring rows: each loads one vec4 of four
// and gets the others from its neighbours. The interface is in lib/README.md.
//
// A quad goes through the kernel together, as sharing needs: row tiles are counted in fours, so it has one column
// and one slice, and those alone decide on returns and on how long loops are. Invocations of a workgroup of one
// dimension are in quads in order of their number. Tiles of more than 8×16, such as 12×16 and 4×32, lose.
// use: subgroups, operands_direct

const GROUP_ROWS = 4u;

alias Four = u32;

var<private> quad_invocation: u32;

// Row tiles, in whole quads.
fn quad_row_tiles(rows: u32) -> u32 {
  return (row_tiles(rows) + (GROUP_ROWS - 1u)) / GROUP_ROWS * GROUP_ROWS;
}

fn tile_slice(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  return (group * THREADS + local) / (quad_row_tiles(rows) * column_tiles(columns));
}

fn tile_origin(group: u32, local: u32, rows: u32, columns: u32) -> TileOrigin {
  let id = group * THREADS + local;
  quad_invocation = id % 4u;
  let down = quad_row_tiles(rows);
  return TileOrigin(id % down * TILE_ROWS, id / down % column_tiles(columns) * (TILE_COLUMNS / 4u));
}

fn four_from(first: u32) -> Four {
  return first + quad_invocation;
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
  let own = load_vec4(at);
  return mat4x4f(
    quadBroadcast(own, 0u),
    quadBroadcast(own, 1u),
    quadBroadcast(own, 2u),
    quadBroadcast(own, 3u),
  );
}

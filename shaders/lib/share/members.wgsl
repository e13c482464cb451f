// Which tile is whose, where the invocations of a workgroup share.

const GROUP_ROWS4 = GROUP_ROWS * TILE_ROWS / 4u;
const GROUP_VECTORS = GROUP_COLUMNS * TILE_COLUMNS / 4u;

struct Member {
  number: u32,
  // First row and first column, as the number of its vec4, of the workgroup.
  row: u32,
  column: u32,
}

var<private> member: Member;

fn tile_slice(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  return group / (group_rows(rows) * group_columns(columns));
}

fn group_rows(rows: u32) -> u32 {
  return (rows + 4u * GROUP_ROWS4 - 1u) / (4u * GROUP_ROWS4);
}

fn group_columns(columns: u32) -> u32 {
  return (columns + 4u * GROUP_VECTORS - 1u) / (4u * GROUP_VECTORS);
}

fn tile_origin(group: u32, local: u32, rows: u32, columns: u32) -> TileOrigin {
  let across = group_columns(columns);
  let row = group / across % group_rows(rows) * (4u * GROUP_ROWS4);
  let column = group % across * GROUP_VECTORS;
  member = Member(local, row, column);
  return TileOrigin(row + local / GROUP_COLUMNS * TILE_ROWS, column + local % GROUP_COLUMNS);
}

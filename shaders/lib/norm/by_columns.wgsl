// A workgroup goes once more through the rows that it has stored, LANES invocations for each vec4 of its channels, each
// through every LANES-th row; what they find is put together in panels that nobody needs any more.

const LANES = THREADS / GROUP_VECTORS;
const MOST_ROWS = 4u * GROUP_ROWS4;

// Two vec4s of each invocation have room in the panel.
const_assert 4u * ROW_BLOCKS >= 2u * THREADS;

fn own_lane() -> u32 {
  return member.number / GROUP_VECTORS;
}

fn own_column() -> u32 {
  return member.column + member.number % GROUP_VECTORS;
}

// Two numbers of an invocation for each of its four channels, and those of another lane of the same channels.
fn put_pair(first: vec4f, second: vec4f) {
  let at = 2u * member.number;
  panel_rows[at / ROW_BLOCKS][at % ROW_BLOCKS] = first;
  panel_rows[(at + 1u) / ROW_BLOCKS][(at + 1u) % ROW_BLOCKS] = second;
}

fn pair_of(lane: u32) -> mat2x4f {
  let at = 2u * (lane * GROUP_VECTORS + member.number % GROUP_VECTORS);
  return mat2x4f(
    panel_rows[at / ROW_BLOCKS][at % ROW_BLOCKS],
    panel_rows[(at + 1u) / ROW_BLOCKS][(at + 1u) % ROW_BLOCKS],
  );
}

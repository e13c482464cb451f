// How many cells of a window an average divides by: those inside the input or, where COUNT_INCLUDE_PAD is 1, all inside
// the COUNTED_H × COUNTED_W map that the input is with its padding, but for what only makes the last windows whole.
// use: pool

override COUNT_INCLUDE_PAD: u32;
override COUNTED_H: u32;
override COUNTED_W: u32;

fn cells_counted(p: u32, q: u32) -> f32 {
  var rows = rows_inside(p);
  var columns = columns_inside(q);
  if (COUNT_INCLUDE_PAD == 1u) {
    rows = cells_inside(p, KERNEL_H, STRIDE_H, 0u, COUNTED_H);
    columns = cells_inside(q, KERNEL_W, STRIDE_W, 0u, COUNTED_W);
  }
  return f32((rows.y - rows.x) * (columns.y - columns.x));
}

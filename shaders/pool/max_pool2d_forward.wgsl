// y = f(max over a window of x), and which cell of the window it is.
//
//   y(n, p, q, c) = f(max over r, s of x(n, p STRIDE_H − PAD_TOP + r, q STRIDE_W − PAD_LEFT + s, c))
//
// The first of equal values wins. The first NaN in the window, if there is one, is the result.
//
// x         (N, H, W, C)
// y         (N, P, Q, C), LENGTH vec4s; f(0) = 0, so its padding is zero because that of x is
// index     (N, P, Q, C / 4): r KERNEL_W + s, one byte a channel; KERNEL_H KERNEL_W ≤ 255
// dispatch  one invocation a vec4 of y
// numerics  exact
// use: index, pool, activation, nan4

override LENGTH: u32;
override C: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_id(group, groups, local, 64u);
  if (i >= LENGTH) {
    return;
  }
  let columns = pad4(C) / 4u;
  let q = i / columns % Q;
  let p = i / (columns * Q) % P;
  let n = i / (columns * Q * P);
  let rows = rows_inside(p);
  let cells = columns_inside(q);
  // Addresses of the cells outside wrap around below zero and are not read.
  let line = W * columns;
  let start = ((n * H + p * STRIDE_H - PAD_TOP) * W + q * STRIDE_W - PAD_LEFT) * columns + i % columns;

  var best = vec4f(x[start + rows.x * line + cells.x * columns]);
  var cell = vec4u(rows.x * KERNEL_W + cells.x);
  for (var r = rows.x; r < rows.y; r++) {
    for (var s = cells.x; s < cells.y; s++) {
      let v = vec4f(x[start + r * line + s * columns]);
      let better = ((v > best) | is_nan4(v)) & !is_nan4(best);
      best = select(best, v, better);
      cell = select(cell, vec4u(r * KERNEL_W + s), better);
    }
  }
  y[i] = y4(activate(best));
  index[i] = cell.x | (cell.y << 8u) | (cell.z << 16u) | (cell.w << 24u);
}

// y = mean over a window of x.
//
//   y(n, p, q, c) = Σ over r, s of x(n, p STRIDE_H − PAD_TOP + r, q STRIDE_W − PAD_LEFT + s, c) / cells
//
// cells counts the cells inside the input, or those in its padding too.
//
// x         (N, H, W, C)
// y         (N, P, Q, C), LENGTH vec4s
// dispatch  one invocation a vec4 of y
// numerics  sequential f32 sum; tolerance 1e-6 √cells
// use: index, pool_cells

override LENGTH: u32;
override C: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;

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

  var sum = vec4f(0.0);
  for (var r = rows.x; r < rows.y; r++) {
    for (var s = cells.x; s < cells.y; s++) {
      sum += vec4f(x[start + r * line + s * columns]);
    }
  }
  y[i] = y4(sum / cells_counted(p, q));
}

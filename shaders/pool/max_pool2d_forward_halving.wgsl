// max_pool2d_forward for windows of 2 or 3 rows and columns, by strides of 2.
//
//   y(n, p, q, c) = f(max over r, s of x(n, 2 p − PAD_TOP + r, 2 q − PAD_LEFT + s, c))
//
// An invocation computes two windows, one above the other, which share a row where they overlap. Nothing loops: rows
// and cells outside the input are replaced by the nearest ones inside, which moves no maximum.
//
// x         (N, H, W, C)
// y         (N, P, Q, C); f(0) = 0, so its padding is zero because that of x is
// index     (N, P, Q, C / 4): r KERNEL_W + s of the first of equal maxima or of the first NaN, one byte a channel
// dispatch  one invocation a vec4 of channels and two rows of y: LENGTH = N ⌈P / 2⌉ Q pad4(C) / 4
// numerics  exact; where a NaN is in the window y is NaN
// use: index, pool, activation, nan4

override LENGTH: u32;
override C: u32;

alias x4 = vec4f;
alias y4 = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@group(0) @binding(1) var<storage, read_write> y: array<y4>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;

// Of some cells: the largest value, where it is, and whether it is NaN.
struct Largest {
  value: vec4f,
  cell: vec4u,
  nan: vec4<bool>,
}

// `a` comes before `b` in the window.
fn larger(a: Largest, b: Largest) -> Largest {
  let better = ((b.value > a.value) | b.nan) & !a.nan;
  return Largest(select(a.value, b.value, better), select(a.cell, b.cell, better), a.nan | b.nan);
}

// Cell (r, s) of the window that begins at `start`.
fn cell(start: u32, r: u32, s: u32) -> Largest {
  let v = vec4f(x[start + (r * W + s) * (pad4(C) / 4u)]);
  return Largest(v, vec4u(r * KERNEL_W + s), is_nan4(v));
}

fn largest_of_row(start: u32, r: u32, cells: vec2u) -> Largest {
  let last = cells.y - 1u;
  var row = cell(start, r, cells.x);
  if (KERNEL_W == 3u) {
    row = larger(row, cell(start, r, clamp(1u, cells.x, last)));
  }
  return larger(row, cell(start, r, last));
}

fn two_rows_up(row: Largest) -> Largest {
  return Largest(row.value, row.cell - 2u * KERNEL_W, row.nan);
}

fn store(at: u32, best: Largest) {
  y[at] = y4(activate(best.value));
  index[at] = best.cell.x | (best.cell.y << 8u) | (best.cell.z << 16u) | (best.cell.w << 24u);
}

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
  let pairs = (P + 1u) / 2u;
  let pixel = i / columns;
  let pair = pixel / Q;
  let q = pixel - pair * Q;
  let n = pair / pairs;
  let p = 2u * (pair - n * pairs);
  let column = i - pixel * columns;
  // Addresses of the cells outside wrap around below zero and are not read.
  let start = ((n * H + p * 2u - PAD_TOP) * W + q * 2u - PAD_LEFT) * columns + column;
  let at = ((n * P + p) * Q + q) * columns + column;
  let rows = rows_inside(p);
  let cells = columns_inside(q);

  // Rows of the upper window; the lower one, if there is one, begins with row 2, which then lies inside.
  let bottom = H + PAD_TOP - 1u - 2u * p;
  var upper = larger(
    largest_of_row(start, rows.x, cells),
    largest_of_row(start, clamp(1u, rows.x, bottom), cells),
  );
  let middle = largest_of_row(start, min(2u, bottom), cells);
  var lower = larger(two_rows_up(middle), two_rows_up(largest_of_row(start, min(3u, bottom), cells)));
  if (KERNEL_H == 3u) {
    upper = larger(upper, middle);
    lower = larger(lower, two_rows_up(largest_of_row(start, min(4u, bottom), cells)));
  }
  store(at, upper);
  if (p + 1u < P) {
    store(at + Q * columns, lower);
  }
}

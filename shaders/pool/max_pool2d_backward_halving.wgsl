// max_pool2d_backward for windows of 2 or 3 rows and columns, by strides of 2.
//
//   dx = Σ dy f'(z) over the windows whose maximum z is this pixel, or dx += …; the sign of y = f(z) tells f'(z)
//
// Four pixels of a square that begins on an even row and column of the padded input are together held by four
// windows at most, and each pixel is the same cell of them wherever the square lies.
//
// index     (N, P, Q, C / 4), as max_pool2d_forward wrote it
// y, dy     (N, P, Q, C); y is read only where there is an f
// dx        (N, H, W, C); its padding is zero because that of dy is
// dispatch  one invocation a vec4 of channels and square: LENGTH = N ⌈(H + PAD_TOP) / 2⌉ ⌈(W + PAD_LEFT) / 2⌉ pad4(C) / 4
// numerics  f32 sum of at most one term a window; tolerance 1e-6
// use: index, pool, activation

override LENGTH: u32;
override C: u32;
override ACCUMULATE: u32;

alias y4 = vec4f;
alias dy4 = vec4f;
alias dx4 = vec4f;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> y: array<y4>;
@group(0) @binding(2) var<storage, read> dy: array<dy4>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx4>;

// The gradient of a window's maximum, and the cell of it.
struct Window {
  gradient: vec4f,
  cell: vec4u,
}

// Window (p, q) of image n; where there is none, one whose maximum is in no cell.
fn window(n: u32, p: u32, q: u32, column: u32) -> Window {
  let inside = p < P && q < Q;  // what would be negative has wrapped around to huge
  let at = select(0u, (n * P + p) * Q + q, inside) * (pad4(C) / 4u) + column;
  var gradient = vec4f(dy[at]);
  if (ACTIVATION != IDENTITY) {
    gradient *= activate_gradient_at_output(vec4f(y[at]));
  }
  let cell = (vec4u(index[at]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
  return Window(gradient, cell | vec4u(select(256u, 0u, inside)));
}

fn share(window: Window, cell: u32) -> vec4f {
  return select(vec4f(0.0), window.gradient, window.cell == vec4u(cell));
}

fn store(h: u32, w: u32, at: u32, gradient: vec4f) {
  if (h >= H || w >= W) {
    return;
  }
  if (ACCUMULATE == 1u) {
    dx[at] = dx4(vec4f(dx[at]) + gradient);
  } else {
    dx[at] = dx4(gradient);
  }
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
  let down = (H + PAD_TOP + 1u) / 2u;
  let across = (W + PAD_LEFT + 1u) / 2u;
  let square = i / columns;
  let line = square / across;
  let q = square - line * across;
  let n = line / down;
  let p = line - n * down;
  let column = i - square * columns;

  // Rows 0 and 1 of window p, and row 2 of window p − 1; columns likewise.
  var a = vec4f(0.0);
  var b = vec4f(0.0);
  var c = vec4f(0.0);
  if (KERNEL_H == 3u) {
    if (KERNEL_W == 3u) {
      a = share(window(n, p - 1u, q - 1u, column), 2u * KERNEL_W + 2u);
    }
    let above = window(n, p - 1u, q, column);
    a += share(above, 2u * KERNEL_W);
    b = share(above, 2u * KERNEL_W + 1u);
  }
  if (KERNEL_W == 3u) {
    let left = window(n, p, q - 1u, column);
    a += share(left, 2u);
    c = share(left, KERNEL_W + 2u);
  }
  let here = window(n, p, q, column);
  a += share(here, 0u);
  b += share(here, 1u);
  c += share(here, KERNEL_W);
  let d = share(here, KERNEL_W + 1u);
  let h = 2u * p - PAD_TOP;
  let w = 2u * q - PAD_LEFT;
  let at = ((n * H + h) * W + w) * columns + column;
  store(h, w, at, a);
  store(h, w + 1u, at + columns, b);
  store(h + 1u, w, at + W * columns, c);
  store(h + 1u, w + 1u, at + (W + 1u) * columns, d);
}

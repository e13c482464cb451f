// Windows of 2-D pooling. Output (p, q) covers the input rows p STRIDE_H − PAD_TOP + r for r < KERNEL_H, and
// columns likewise; a cell (r, s) of a window may lie outside the input.

override H: u32;
override W: u32;
override P: u32;
override Q: u32;
override KERNEL_H: u32;
override KERNEL_W: u32;
override STRIDE_H: u32;
override STRIDE_W: u32;
override PAD_TOP: u32;
override PAD_LEFT: u32;

// First and one past the last of the `kernel` cells of window `p` that lie inside the input.
fn cells_inside(p: u32, kernel: u32, stride: u32, pad: u32, extent: u32) -> vec2u {
  let start = p * stride;
  return vec2u(max(pad, start) - start, min(kernel, extent + pad - start));
}

// First and one past the last of the `outputs` windows that hold input `h`.
fn windows_around(h: u32, kernel: u32, stride: u32, pad: u32, outputs: u32) -> vec2u {
  let at = h + pad;
  return vec2u(select(0u, (at - kernel) / stride + 1u, at >= kernel), min(at / stride + 1u, outputs));
}

fn rows_inside(p: u32) -> vec2u {
  return cells_inside(p, KERNEL_H, STRIDE_H, PAD_TOP, H);
}

fn columns_inside(q: u32) -> vec2u {
  return cells_inside(q, KERNEL_W, STRIDE_W, PAD_LEFT, W);
}

// The depth of a gradient of weights as a range in the words of lib/README.md: output pixels in order, four a step. Where
// they meet the input and lie in both tensors is carried along: by additions, for GPUs are slow at products of whole
// numbers.

// The pixels `begin` … `end` − 1.
struct Range {
  begin: u32,
  end: u32,
}

// Four output pixels in order, or a way from some to others.
struct Cursor {
  // Number of the first one's vec4 in dy.
  dy: u32,
  // The pixels of the input that they meet under the filter's first tap, but for the padding: lines and columns.
  y: Four,
  x: Four,
  // Number of their vec4 in x, less those of the padding.
  at: Four,
}

// A way, and what more it is to go on to the next line, and to the next image.
struct Stride {
  by: Cursor,
  x_end: u32,
  y_end: u32,
  next_line: u32,
  next_image: u32,
}

fn range_steps(range: Range) -> u32 {
  return (range.end - range.begin + 3u) / 4u;
}

fn cursor_of(first: u32, pixel: Four) -> Cursor {
  let dy = first * (pad4(args.K) / 4u);
  let y = pixel / args.Q % args.P * args.STRIDE_H;
  let x = pixel % args.Q * args.STRIDE_W;
  return Cursor(dy, y, x, ((pixel / (args.P * args.Q) * args.H + y) * args.W + x) * (pad4(args.C) / 4u));
}

fn cursor_at(range: Range, i: u32) -> Cursor {
  let first = range.begin + 4u * i;
  return cursor_of(first, four_from(first));
}

fn cursor_stride(range: Range, n: u32) -> Stride {
  let x_end = args.Q * args.STRIDE_W;
  let y_end = args.P * args.STRIDE_H;
  let width = pad4(args.C) / 4u;
  return Stride(
    cursor_of(4u * n, Four(4u * n)),
    x_end,
    y_end,
    (args.STRIDE_H * args.W - x_end) * width,
    (args.H - y_end) * args.W * width,
  );
}

fn skip(range: Range, cursor: Cursor, stride: Stride) -> Cursor {
  let x = cursor.x + stride.by.x;
  let next_line = x >= Four(stride.x_end);
  let y = cursor.y + stride.by.y + select(Four(0u), Four(args.STRIDE_H), next_line);
  let next_image = y >= Four(stride.y_end);
  return Cursor(
    cursor.dy + stride.by.dy,
    select(y, y - stride.y_end, next_image),
    select(x, x - stride.x_end, next_line),
    cursor.at + stride.by.at + select(Four(0u), Four(stride.next_line), next_line) + select(Four(0u), Four(stride.next_image), next_image),
  );
}

// The vec4s in dy of four pixels in order, by the first one's.
fn dy_of(first: u32) -> Four {
  return four_from(0u) * (pad4(args.K) / 4u) + first;
}

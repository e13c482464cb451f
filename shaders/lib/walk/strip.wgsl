// Strips of a depthwise convolution: four outputs below each other, and what of a column of x they see, each vec4 of which
// is loaded once for all of them.
// For kernels with `x`, `x4` and, in `args`, H, W, C.
// use: taps

override STRIDE: u32;  // in both directions: 1 or 2

// Pixels of a column of x; as many as the four outputs see.
struct Column {
  p0: vec4f,
  p1: vec4f,
  p2: vec4f,
  p3: vec4f,
  p4: vec4f,
  p5: vec4f,
  p6: vec4f,
  p7: vec4f,
  p8: vec4f,
  p9: vec4f,
  p10: vec4f,
}

// What of a column lies under each tap of a column of the window, for the four outputs.
struct Strip {
  a: mat4x4f,
  b: mat4x4f,
  c: mat4x4f,
  d: mat4x4f,
  e: mat4x4f,
}

// Where the first pixel of a column is in x: line and column, modulo 2^32, so that what would be negative has wrapped around to
// huge; where lines end, 0 in columns outside; the number of its vec4, and from one line to the next.
struct ColumnPlace {
  line: u32,
  column: u32,
  end: u32,
  at: u32,
  step: u32,
}

fn column_place(image: u32, line: u32, column: u32, channel: u32) -> ColumnPlace {
  let vectors = pad4(args.C) / 4u;
  let at = ((image * args.H + line) * args.W + column) * vectors + channel;
  return ColumnPlace(line, column, select(0u, args.H, column < args.W), at, args.W * vectors);
}

// By additions, for GPUs are slow at products of whole numbers.
fn columns_on(place: ColumnPlace, n: u32) -> ColumnPlace {
  let column = place.column + n;
  let end = select(0u, args.H, column < args.W);
  return ColumnPlace(place.line, column, end, place.at + n * (pad4(args.C) / 4u), place.step);
}

fn load_pixel(place: ColumnPlace, i: u32) -> vec4f {
  // A mask of bits is cheaper than a choice, and makes zero of NaN too.
  let mask = select(0u, 0xffffffffu, place.line + i < place.end);
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(x[place.at + i * place.step])) & vec4u(mask));
}

fn load_column(place: ColumnPlace) -> Column {
  var x: Column;
  x.p0 = load_pixel(place, 0u);
  x.p1 = load_pixel(place, 1u);
  x.p2 = load_pixel(place, 2u);
  x.p3 = load_pixel(place, 3u);
  x.p4 = load_pixel(place, 4u);
  x.p5 = load_pixel(place, 5u);
  if (STRIDE == 2u || WINDOW == 5u) {
    x.p6 = load_pixel(place, 6u);
    x.p7 = load_pixel(place, 7u);
  }
  if (STRIDE == 2u) {
    x.p8 = load_pixel(place, 8u);
    if (WINDOW == 5u) {
      x.p9 = load_pixel(place, 9u);
      x.p10 = load_pixel(place, 10u);
    }
  }
  return x;
}

fn strip_of(x: Column) -> Strip {
  if (STRIDE == 1u) {
    return Strip(
      mat4x4f(x.p0, x.p1, x.p2, x.p3),
      mat4x4f(x.p1, x.p2, x.p3, x.p4),
      mat4x4f(x.p2, x.p3, x.p4, x.p5),
      mat4x4f(x.p3, x.p4, x.p5, x.p6),
      mat4x4f(x.p4, x.p5, x.p6, x.p7),
    );
  }
  return Strip(
    mat4x4f(x.p0, x.p2, x.p4, x.p6),
    mat4x4f(x.p1, x.p3, x.p5, x.p7),
    mat4x4f(x.p2, x.p4, x.p6, x.p8),
    mat4x4f(x.p3, x.p5, x.p7, x.p9),
    mat4x4f(x.p4, x.p6, x.p8, x.p10),
  );
}

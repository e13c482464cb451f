// Strips of a depthwise convolution: four outputs below each other, as the columns of a mat4x4f, and what of a column of x lies
// under each tap of a column of their windows. Each vec4 of x is loaded once for all of them.
// For kernels with `x`, `x4` and, in `args`, H, W, C.
// use: taps

override STRIDE: u32;  // in both directions: 1 or 2

struct Strip {
  a: mat4x4f,
  b: mat4x4f,
  c: mat4x4f,
  d: mat4x4f,
  e: mat4x4f,
}

// Where the first line of a strip is in x: line and column, modulo 2^32, so that what would be negative has wrapped around to
// huge; where lines end, 0 in columns outside; the number of its vec4, and from one line to the next.
struct StripPlace {
  line: u32,
  column: u32,
  end: u32,
  at: u32,
  step: u32,
}

fn strip_place(image: u32, line: u32, column: u32, channel: u32) -> StripPlace {
  let vectors = pad4(args.C) / 4u;
  let at = ((image * args.H + line) * args.W + column) * vectors + channel;
  return StripPlace(line, column, select(0u, args.H, column < args.W), at, args.W * vectors);
}

// By additions, for GPUs are slow at products of whole numbers.
fn columns_on(place: StripPlace, n: u32) -> StripPlace {
  let column = place.column + n;
  let end = select(0u, args.H, column < args.W);
  return StripPlace(place.line, column, end, place.at + n * (pad4(args.C) / 4u), place.step);
}

fn load_pixel(place: StripPlace, i: u32) -> vec4f {
  // A mask of bits is cheaper than a choice, and makes zero of NaN too.
  let mask = select(0u, 0xffffffffu, place.line + i < place.end);
  return bitcast<vec4f>(bitcast<vec4u>(vec4f(x[place.at + i * place.step])) & vec4u(mask));
}

fn load_strip(place: StripPlace) -> Strip {
  var strip: Strip;
  let p0 = load_pixel(place, 0u);
  let p1 = load_pixel(place, 1u);
  let p2 = load_pixel(place, 2u);
  let p3 = load_pixel(place, 3u);
  let p4 = load_pixel(place, 4u);
  let p5 = load_pixel(place, 5u);
  if (STRIDE == 1u) {
    strip.a = mat4x4f(p0, p1, p2, p3);
    strip.b = mat4x4f(p1, p2, p3, p4);
    strip.c = mat4x4f(p2, p3, p4, p5);
    if (WINDOW == 5u) {
      let p6 = load_pixel(place, 6u);
      strip.d = mat4x4f(p3, p4, p5, p6);
      strip.e = mat4x4f(p4, p5, p6, load_pixel(place, 7u));
    }
  } else {
    let p6 = load_pixel(place, 6u);
    let p7 = load_pixel(place, 7u);
    let p8 = load_pixel(place, 8u);
    strip.a = mat4x4f(p0, p2, p4, p6);
    strip.b = mat4x4f(p1, p3, p5, p7);
    strip.c = mat4x4f(p2, p4, p6, p8);
    if (WINDOW == 5u) {
      strip.d = mat4x4f(p3, p5, p7, load_pixel(place, 9u));
      strip.e = mat4x4f(p4, p6, p8, load_pixel(place, 10u));
    }
  }
  return strip;
}

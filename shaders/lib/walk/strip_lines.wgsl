// The lines of a strip of dy, for a gradient of weights. The last strip goes back to end with the image: its first `old` lines,
// never all, count with the strip above, and are left out here, for zeros in their place would make NaN of an infinite x.
// For kernels with `dy` and, in `args`, Q and C.
// use: lines, strip

fn load_dy(at: u32) -> mat4x4f {
  let step = args.Q * (pad4(args.C) / 4u);
  var strip = mat4x4f(vec4f(dy[at]), vec4f(dy[at + step]), vec4f(), vec4f());
  if (LINES == 4u) {
    strip[2] = vec4f(dy[at + 2u * step]);
    strip[3] = vec4f(dy[at + 3u * step]);
  }
  return strip;
}

// Each product is added by itself, so that GPUs do both at once.
fn plus_lines(start: vec4f, a: mat4x4f, b: mat4x4f) -> vec4f {
  var sum = start + a[0] * b[0] + a[1] * b[1];
  if (LINES == 4u) {
    sum = sum + a[2] * b[2] + a[3] * b[3];
  }
  return sum;
}

fn plus_new_lines(start: vec4f, a: mat4x4f, b: mat4x4f, old: u32) -> vec4f {
  if (LINES == 2u) {
    return start + a[1] * b[1];
  }
  var sum = start + a[3] * b[3];
  if (old < 3u) {
    sum = sum + a[2] * b[2];
  }
  if (old < 2u) {
    sum = sum + a[1] * b[1];
  }
  return sum;
}

fn plus_strip(start: Taps, column: Column, dy: mat4x4f) -> Taps {
  let x = strip_of(column);
  var taps = start;
  taps.a = plus_lines(taps.a, x.a, dy);
  taps.b = plus_lines(taps.b, x.b, dy);
  taps.c = plus_lines(taps.c, x.c, dy);
  if (WINDOW == 5u) {
    taps.d = plus_lines(taps.d, x.d, dy);
    taps.e = plus_lines(taps.e, x.e, dy);
  }
  return taps;
}

fn plus_new(start: Taps, column: Column, dy: mat4x4f, old: u32) -> Taps {
  let x = strip_of(column);
  var taps = start;
  taps.a = plus_new_lines(taps.a, x.a, dy, old);
  taps.b = plus_new_lines(taps.b, x.b, dy, old);
  taps.c = plus_new_lines(taps.c, x.c, dy, old);
  if (WINDOW == 5u) {
    taps.d = plus_new_lines(taps.d, x.d, dy, old);
    taps.e = plus_new_lines(taps.e, x.e, dy, old);
  }
  return taps;
}

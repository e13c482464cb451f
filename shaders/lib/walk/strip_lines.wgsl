// The lines of a strip of dy, for a gradient of weights. For kernels with `dy` and, in `args`, Q and C.
// use: lines, strip

fn load_dy(at: u32) -> mat4x4f {
  let step = args.Q * (pad4(args.C) / 4u);
  var strip = mat4x4f(vec4f(dy[at]), vec4f(), vec4f(), vec4f());
  if (LINES >= 2u) {
    strip[1] = vec4f(dy[at + step]);
  }
  if (LINES == 4u) {
    strip[2] = vec4f(dy[at + 2u * step]);
    strip[3] = vec4f(dy[at + 3u * step]);
  }
  return strip;
}

// Each product is added by itself, so that GPUs do both at once.
fn plus_lines(start: vec4f, a: mat4x4f, b: mat4x4f) -> vec4f {
  var sum = start + a[0] * b[0];
  if (LINES >= 2u) {
    sum = sum + a[1] * b[1];
  }
  if (LINES == 4u) {
    sum = sum + a[2] * b[2] + a[3] * b[3];
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

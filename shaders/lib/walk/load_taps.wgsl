// Column s of the window of a depthwise convolution, for one vec4 of channels. For kernels with `w` and, in `args`, C.
// use: taps, lines

override TURNED: u32 = 0;  // 1: the window is turned around

fn load_tap(i: u32, channel: u32) -> vec4f {
  return w[select(i, WINDOW * WINDOW - 1u - i, TURNED == 1u) * (pad4(args.C) / 4u) + channel];
}

fn load_taps(s: u32, channel: u32) -> Taps {
  let first = load_tap(s, channel);
  var taps = Taps(first, load_tap(WINDOW + s, channel), load_tap(2u * WINDOW + s, channel), vec4f(), vec4f());
  if (WINDOW == 5u) {
    taps.d = load_tap(3u * WINDOW + s, channel);
    taps.e = load_tap(4u * WINDOW + s, channel);
  }
  return taps;
}

// The same: `taps`, where an invocation has the registers to keep them.
fn kept_taps(taps: Taps, s: u32, channel: u32) -> Taps {
  if (LINES == 4u) {
    return taps;
  }
  return load_taps(s, channel);
}

// The taps of a filter, in one direction, under which any window has a pixel: the first, and how many. In small maps
// others see nothing but padding, so that all their products are zero: 8 of 9 where a map of one pixel meets 3×3.

fn seen_taps(taps: u32, inputs: u32, windows: u32, stride: u32, dilation: u32, pad: u32) -> vec2u {
  let last_window = (windows - 1u) * stride;
  let first = (max(pad, last_window) - last_window + dilation - 1u) / dilation;
  let end = min(taps, (inputs - 1u + pad) / dilation + 1u);
  return vec2u(first, max(first, end) - first);
}

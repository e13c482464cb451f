// The depth of a convolution as a range in the words of lib/README.md: for each tap of a filter, the vec4s `begin` …
// `end` − 1 of the channels.

struct Range {
  taps: vec2u,
  begin: u32,
  end: u32,
}

struct Cursor {
  tap: vec2u,
  depth: u32,
}

fn range_steps(range: Range) -> u32 {
  return range.taps.x * range.taps.y * (range.end - range.begin);
}

fn cursor_stride(range: Range, n: u32) -> Cursor {
  let channels = range.end - range.begin;
  let taps = n / channels;
  return Cursor(vec2u(taps / range.taps.y, taps % range.taps.y), n % channels);
}

fn cursor_at(range: Range, i: u32) -> Cursor {
  let from_begin = cursor_stride(range, i);
  return Cursor(from_begin.tap, range.begin + from_begin.depth);
}

fn skip(range: Range, cursor: Cursor, by: Cursor) -> Cursor {
  let depth = cursor.depth + by.depth;
  let next_tap = depth >= range.end;
  let right = cursor.tap.y + by.tap.y + u32(next_tap);
  let next_line = right >= range.taps.y;
  return Cursor(
    vec2u(cursor.tap.x + by.tap.x + u32(next_line), select(right, right - range.taps.y, next_line)),
    select(depth, depth - range.end + range.begin, next_tap),
  );
}

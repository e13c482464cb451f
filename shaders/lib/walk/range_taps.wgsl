// The depth of a convolution as a range in the words of lib/README.md: for each tap of a filter, line by line, some vec4s
// of channels. Where an operand's vec4 is, is a sum of a part for the tap and one for the channels, and a cursor carries
// it along: by additions, for GPUs are slow at products of whole numbers.

// A place of the depth, or a way from one to another, modulo 2^32.
struct Cursor {
  // Pixels down and to the right of the first tap.
  tap: vec2u,
  // Number of the vec4 of channels.
  channel: u32,
  // vec4s of A and of B from the first tap and channel.
  at: vec2u,
}

struct Range {
  taps: vec2u,
  begin: Cursor,
  // The number of the vec4 of channels that is none of the range any more.
  end: u32,
  // The ways to the next vec4 of channels, to the tap to the right and to the one below.
  deeper: Cursor,
  right: Cursor,
  down: Cursor,
}

// A way, and what more it is to go on to the next tap, and to the next line of them.
struct Stride {
  by: Cursor,
  line_end: u32,
  next_tap: vec2u,
  next_line: vec2u,
}

// What the loads take.
alias Step = Cursor;

fn go(start: Cursor, way: Cursor, times: u32) -> Cursor {
  return Cursor(start.tap + way.tap * times, start.channel + way.channel * times, start.at + way.at * times);
}

fn range_channels(range: Range) -> u32 {
  return range.end - range.begin.channel;
}

// A single tap, of `length` vec4s from `begin` on, that are `apart` in A and in B.
fn range_line(begin: Cursor, length: u32, apart: vec2u) -> Range {
  return Range(vec2u(1u), begin, begin.channel + length, Cursor(vec2u(0u), 1u, apart), Cursor(), Cursor());
}

fn range_steps(range: Range) -> u32 {
  return range.taps.x * range.taps.y * range_channels(range);
}

fn go_steps(range: Range, start: Cursor, n: u32) -> Cursor {
  let tap = n / range_channels(range);
  let line = go(start, range.down, tap / range.taps.y);
  return go(go(line, range.right, tap % range.taps.y), range.deeper, n % range_channels(range));
}

fn cursor_at(range: Range, i: u32) -> Cursor {
  return go_steps(range, range.begin, i);
}

fn cursor_stride(range: Range, n: u32) -> Stride {
  return Stride(
    go_steps(range, Cursor(), n),
    range.taps.y * range.right.tap.y,
    range.right.at - range_channels(range) * range.deeper.at,
    range.down.at - range.taps.y * range.right.at,
  );
}

fn skip(range: Range, cursor: Cursor, stride: Stride) -> Cursor {
  let channel = cursor.channel + stride.by.channel;
  let next_tap = channel >= range.end;
  let right = cursor.tap.y + stride.by.tap.y + select(0u, range.right.tap.y, next_tap);
  let next_line = right >= stride.line_end;
  return Cursor(
    vec2u(
      cursor.tap.x + stride.by.tap.x + select(0u, range.down.tap.x, next_line),
      select(right, right - stride.line_end, next_line),
    ),
    select(channel, channel - range_channels(range), next_tap),
    cursor.at + stride.by.at + select(vec2u(0u), stride.next_tap, next_tap) + select(vec2u(0u), stride.next_line, next_line),
  );
}

fn step_at(range: Range, cursor: Cursor) -> Step {
  return cursor;
}

// The square window of a depthwise convolution by its columns.

override WINDOW: u32;  // lines and columns: 3 or 5

// Taps 0 … 4 of a column of the window; the last two only where it has five.
struct Taps {
  a: vec4f,
  b: vec4f,
  c: vec4f,
  d: vec4f,
  e: vec4f,
}

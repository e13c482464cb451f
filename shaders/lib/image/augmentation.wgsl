// What augment_draw draws for one image and augment carries out. 20 floats, of which
// src/ops/image/augment.ts makes the memory.
// use: index, lane_mask
struct Augmentation {
  shift: vec2f,       // of the crop, rows and columns: y takes its pixel from x here
  flip: f32,          // 1: mirrored left to right
  mean: f32,          // of the image's grey, from which contrast is measured
  brightness: f32,    // factors; 1 changes nothing
  contrast: f32,
  saturation: f32,
  partner: f32,       // image that this one is mixed with
  erase: vec4f,       // rectangle: first row, first column, end row, end column
  paste: vec4f,       // rectangle that is the partner's
  own: f32,           // share of this image outside of the rectangle
  label: f32,         // share of its label
  unused: vec2f,
}

fn inside(rectangle: vec4f, place: vec2f) -> bool {
  return all(place >= rectangle.xy) && all(place < rectangle.zw);
}

// The colours of an image lie in the first C lanes; z is normalised, (colour − mean) / std.
fn grey(colour: vec4f, c: u32) -> f32 {
  return dot(select(vec4f(0.0), colour, lane_mask(0u, c)), vec4f(1.0)) / f32(c);
}

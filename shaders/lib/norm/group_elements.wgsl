// The elements that one mean and variance are of: those of one of GROUPS groups of the channels, at all PIXELS of one image.
// They are walked vec4 by vec4, without the lanes that belong to other groups.

override PIXELS: u32;
override C: u32;
override GROUPS: u32;

struct Elements {
  start: u32,    // vec4 of the image's first pixel
  channel: u32,  // the first
  column: u32,   // the vec4 of a pixel that it is in
  columns: u32,  // how many vec4s of a pixel hold the group
}

// Those of statistic `number`, counted by image and then by group.
fn elements_of(number: u32) -> Elements {
  let channel = number % GROUPS * (C / GROUPS);
  let column = channel / 4u;
  let end = (channel + C / GROUPS + 3u) / 4u;
  return Elements(number / GROUPS * PIXELS * (pad4(C) / 4u), channel, column, end - column);
}

fn column_at(elements: Elements, i: u32) -> u32 {
  return elements.column + i % elements.columns;
}

// Vec4 number `i` of PIXELS · columns.
fn place_at(elements: Elements, i: u32) -> u32 {
  return elements.start + i / elements.columns * (pad4(C) / 4u) + column_at(elements, i);
}

fn own_lanes(elements: Elements, i: u32) -> vec4<bool> {
  let channel = vec4u(4u * column_at(elements, i)) + vec4u(0u, 1u, 2u, 3u);
  return (channel >= vec4u(elements.channel)) & (channel < vec4u(elements.channel + C / GROUPS));
}

fn total(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

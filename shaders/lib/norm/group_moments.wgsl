// The mean and 1 / √(variance + eps) of four channels, from the kernel's `moments`, which hold both for each group of each image.

override PIXELS: u32;
override C: u32;
override GROUPS: u32;

struct Moments {
  mean: vec4f,
  scale: vec4f,
}

// The numbers of the groups that the four channels of vec4 `column` of a row are in; a row is a pixel.
fn groups_of(row: u32, column: u32) -> vec4u {
  let channel = vec4u(4u * column) + vec4u(0u, 1u, 2u, 3u);
  return row / PIXELS * GROUPS + min(channel, vec4u(C - 1u)) / (C / GROUPS);
}

fn moments_of(groups: vec4u) -> Moments {
  let x = moments[groups.x];
  let y = moments[groups.y];
  let z = moments[groups.z];
  let w = moments[groups.w];
  return Moments(vec4f(x.x, y.x, z.x, w.x), vec4f(x.y, y.y, z.y, w.y));
}

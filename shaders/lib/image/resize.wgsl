// One axis of a bilinear resize with antialias: output pixel i is a mean of the pixels under a triangle around its
// centre, two output pixels wide where the image shrinks and two input pixels where it grows.
//
// Positions are whole numbers of 1/(2 resized) of a pixel of the image, so that weights are exact integers: pixel j
// has its centre at (2j + 1) resized, output pixel i at (2i + 1) size. Exact for extents up to 16,384.

struct Window {
  first: u32,   // pixels first … end − 1
  end: u32,
  centre: i32,
  reach: i32,   // from the centre to where the weight is 0
}

fn window(i: u32, size: u32, resized: u32) -> Window {
  let centre = i32((2u * i + 1u) * size);
  let reach = i32(2u * max(size, resized));
  let step = 2u * resized;
  let first = u32(max(centre - reach, 0)) / step;
  let end = min(u32(centre + reach) / step + 1u, size);
  return Window(first, end, centre, reach);
}

// Weight of pixel j, before all are divided by their sum.
fn window_weight(w: Window, j: u32, resized: u32) -> f32 {
  return f32(max(w.reach - abs(i32((2u * j + 1u) * resized) - w.centre), 0));
}

// Which part of an image becomes which part of a batch.
struct Placement {
  width: u32,           // of the image
  height: u32,
  pitch: u32,           // pixels from one row to the next
  resized_width: u32,
  resized_height: u32,
  left: u32,            // of the crop, in the resized image
  top: u32,
  first_row: u32,       // rows of the image that the crop needs
  rows: u32,
  slot: u32,            // of the batch
}

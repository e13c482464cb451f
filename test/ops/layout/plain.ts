/** Cases of images in the layout of other libraries. */
export const SHAPES = [
  [2, 5, 3, 3],
  [1, 7, 1, 8],
  [3, 1, 1, 1],
  [2, 3, 5, 13],
] as const;
export const LAYOUTS = ["nchw", "nhwc", "oihw"] as const;

/** Which number of a layout comes first, second …, as places in the padded tensor's logical order. */
export function placesIn(
  layout: (typeof LAYOUTS)[number],
  [a, b, c, d]: readonly [number, number, number, number],
) {
  const axes = { nhwc: [0, 1, 2, 3], nchw: [0, 3, 1, 2], oihw: [3, 2, 0, 1] }[layout];
  const extents = [a, b, c, d];
  const steps = [b * c * d, c * d, d, 1];
  return axes.reduce(
    (places, axis) =>
      places.flatMap((place) => Array.from({ length: extents[axis]! }, (_, i) => place + i * steps[axis]!)),
    [0],
  );
}

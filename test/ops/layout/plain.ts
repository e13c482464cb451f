/** Cases of images in the layout of other libraries. */
export const SHAPES = [
  [2, 5, 3, 3],
  [1, 7, 1, 8],
  [3, 1, 1, 1],
  [2, 3, 5, 13],
] as const;
export const LAYOUTS = ["nchw", "nhwc"] as const;

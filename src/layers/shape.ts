import { ShapeError } from "../base/errors.ts";
import { show } from "../base/schema.ts";
import { type Padding, type Pads, type Pair, pair, resolvePadding } from "../base/window.ts";
import { nhwc, type Tensor } from "../graph/tensor.ts";
import { type Upsample, upsampleOp } from "../ops/image/upsample.ts";
import { flattenOp } from "../ops/layout/flatten.ts";
import { padChannelsOp } from "../ops/layout/pad-channels.ts";
import { type Pad2d, pad2dOp } from "../ops/layout/pad2d.ts";

/** x (N, H, W, C) as (N, H·W·C). */
export const flatten = (x: Tensor): Tensor => x.graph.apply(flattenOp, `${x.name}.flatten`, { x }, {}).y;

/** How `pad2d` fills. */
export interface Pad2dOptions {
  /** One value, or the map reflected without its edge. Default `"constant"`. */
  readonly mode?: "constant" | "reflect";
  /** What `"constant"` adds. Default 0. */
  readonly value?: number;
}

/** Pixels at each side: a number, [height, width], or [top, bottom, left, right]. */
export type Sides = Exclude<Padding, "valid" | "same">;

/**
 * x (N, H, W, C) with pixels around it: (N, H + top + bottom, W + left + right, C), as torch.nn.functional.pad; x itself for
 * none. Throws ShapeError for negative or broken numbers, and for reflected padding that is not smaller than the map.
 */
export const pad2d = (x: Tensor, padding: Sides, { mode = "constant", value }: Pad2dOptions = {}): Tensor =>
  resized(x, "pad2d", { padding: sides(x, padding), mode, ...(value !== undefined && { value }) });

/**
 * x (N, H, W, C) without pixels at its sides: (N, H − top − bottom, W − left − right, C); x itself for none. Throws ShapeError
 * for negative or broken numbers, and where no pixel is left.
 */
export const crop2d = (x: Tensor, cropping: Sides): Tensor => {
  const [top, bottom, left, right] = sides(x, cropping);
  // By a difference, since the negative of 0 is −0, which shows in errors.
  return resized(x, "crop2d", { padding: [0 - top, 0 - bottom, 0 - left, 0 - right], mode: "constant" });
};

function sides(x: Tensor, padding: Sides): Pads {
  const [, H, W] = nhwc("pad2d", x);
  return resolvePadding(padding, [H, W], [1, 1]);
}

const resized = (x: Tensor, name: string, attrs: Pad2d): Tensor =>
  attrs.padding.every((pixels) => pixels === 0)
    ? x
    : x.graph.apply(pad2dOp, `${x.name}.${name}`, { x }, attrs).y;

/**
 * x (…, C) with zeros in more channels, `before` of them before the others: (…, channels); x itself if it has as many.
 * Throws ShapeError if it has more.
 */
export const padChannels = (x: Tensor, channels: number, before = 0): Tensor =>
  x.shape.at(-1) === channels && before === 0
    ? x
    : x.graph.apply(padChannelsOp, `${x.name}.padChannels`, { x }, { channels, ...(before && { before }) }).y;

/** The size of an upsampled map: by one of `scaleFactor` and `size`. */
export interface UpsampleOptions {
  /** How many times as high and wide: a whole number, or [height, width]. */
  readonly scaleFactor?: number | Pair;
  /** Height and width: a number of pixels for both, or [height, width]. */
  readonly size?: number | Pair;
  /** Default `"nearest"`. */
  readonly mode?: Upsample["mode"];
}

/**
 * x (N, H, W, C) at another size (N, P, Q, C), as torch.nn.functional.interpolate with `align_corners` false. Throws
 * ShapeError unless the size is given once and in whole numbers.
 */
export function upsample(x: Tensor, { scaleFactor, size, mode = "nearest" }: UpsampleOptions): Tensor {
  const [, H, W] = nhwc("upsample", x);
  if ((scaleFactor === undefined) === (size === undefined)) {
    const given = `scaleFactor ${show(scaleFactor)}, size ${show(size)}`;
    throw new ShapeError("upsample", "needs either scaleFactor or size", given);
  }
  const [high, wide] = pair(scaleFactor ?? 1);
  const attrs = { size: size === undefined ? ([high * H, wide * W] as const) : pair(size), mode };
  return x.graph.apply(upsampleOp, `${x.name}.upsample`, { x }, attrs).y;
}

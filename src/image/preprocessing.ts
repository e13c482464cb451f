/** The arithmetic of preprocessing, with torchvision's semantics. */
import { DataError, ShapeError } from "../base/errors.ts";
import type { Pair } from "../base/window.ts";
import { span, taps } from "./resample.ts";

/** What happens to an image before a model sees it: resize, centre crop to the model's input, normalise. */
export interface Preprocessing {
  /** Length of the shorter side after the bilinear resize, before the crop. */
  readonly resize: number;
  /** `torch`: channels R, G, B in 0…1. `caffe`: B, G, R in 0…255. `mean` and `std` are on this scale. */
  readonly mode: "torch" | "caffe";
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Pixels row by row from the top left, with 1 (grey), 3 (RGB) or 4 (RGBA) bytes each; the length of `data` tells
 * which. Transparent pixels count as over black. An `ImageData` is one.
 */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** The kernels' integer arithmetic on pixel positions is exact up to this extent. */
export const MAX_EXTENT = 16384;

/** Where the crop lies in the resized image, and which rows of the original it needs. */
export interface Placement {
  /** Extents after the resize. */
  readonly resized: Pair;
  readonly top: number;
  readonly left: number;
  /** The rows [first, end) of the original whose weighted sums make up the rows of the crop. */
  readonly rows: readonly [first: number, end: number];
}

/**
 * Places a resize of the shorter side to `resize`, the other in proportion and rounded down, and a crop from the
 * middle (half a pixel rounds to even). Throws DataError for an image that is empty, too large, or too small to crop.
 */
export function place([height, width]: Pair, crop: Pair, resize: number): Placement {
  const given = `${width}×${height} pixels`;
  if (![height, width].every((extent) => Number.isInteger(extent) && extent >= 0)) {
    throw new DataError(`preprocess: width and height must be whole numbers — got ${given}`);
  }
  if (height === 0 || width === 0) throw new DataError(`preprocess: the image is empty — ${given}`);
  if (Math.max(height, width) > MAX_EXTENT) {
    throw new DataError(
      `preprocess: the image is larger than ${MAX_EXTENT} pixels a side — ${given}; make it smaller first`,
    );
  }
  const long = Math.floor((resize * Math.max(height, width)) / Math.min(height, width));
  const resized: Pair = height < width ? [resize, long] : [long, resize];
  if (long > MAX_EXTENT) {
    throw new DataError(
      `preprocess: the image is too long and thin — ${given} would become ${resized[1]}×${resized[0]}, with at ` +
        `most ${MAX_EXTENT} a side; crop it first`,
    );
  }
  if (resized[0] < crop[0] || resized[1] < crop[1]) {
    throw new DataError(
      `preprocess: the crop ${crop[1]}×${crop[0]} is larger than the image — ${given}, resized to ` +
        `${resized[1]}×${resized[0]}; use a larger resize`,
    );
  }
  const top = halfToEven((resized[0] - crop[0]) / 2);
  const left = halfToEven((resized[1] - crop[1]) / 2);
  return { resized, top, left, rows: span(taps(height, resized[0], top, crop[0])) };
}

function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

/**
 * Normalisation as y = r·m[0] + g·m[1] + b·m[2] + m[3] for colours in 0…1: four vectors of four, zero beyond the
 * model's channels. A one-channel model sees the luma (ITU-R BT.601). Throws ShapeError if the constants do not fit
 * the channels.
 */
export function colourTransform({ mode, mean, std }: Preprocessing, channels: number): Float32Array {
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError("preprocess", "models take images of 1 or 3 channels", `got ${channels}`);
  }
  const usable = mean.every(Number.isFinite) && std.every((value) => value > 0 && Number.isFinite(value));
  if (mean.length !== channels || std.length !== channels || !usable) {
    throw new ShapeError(
      "preprocess",
      `expects ${channels} finite means and positive stds`,
      `mean [${mean.join(", ")}], std [${std.join(", ")}]`,
    );
  }
  const scale = mode === "caffe" ? 255 : 1;
  const transform = new Float32Array(16);
  for (let channel = 0; channel < channels; channel++) {
    const factor = scale / std[channel]!;
    if (channels === 1)
      [0.299, 0.587, 0.114].forEach((share, colour) => {
        transform[4 * colour] = share * factor;
      });
    else transform[4 * (mode === "caffe" ? 2 - channel : channel) + channel] = factor;
    transform[12 + channel] = -mean[channel]! / std[channel]!;
  }
  return transform;
}

/** The pixels as opaque RGBA bytes. Throws DataError if their number does not fit the image's size. */
export function rgba({ width, height, data }: PixelImage): Uint8Array | Uint8ClampedArray {
  const pixels = width * height;
  const channels = data.length / pixels;
  const bytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  if (!bytes || (channels !== 1 && channels !== 3 && channels !== 4)) {
    throw new DataError(
      `preprocess: ${width}×${height} pixels take ${pixels}, ${3 * pixels} or ${4 * pixels} bytes — got ` +
        `${data.length} ${bytes ? "bytes" : "values that are not bytes"}`,
    );
  }
  if (channels === 4) return overBlack(data);
  const packed = new Uint8Array(4 * pixels);
  const [green, blue] = channels === 3 ? [1, 2] : [0, 0];
  for (let from = 0, to = 0; to < packed.length; from += channels, to += 4) {
    packed[to] = data[from]!;
    packed[to + 1] = data[from + green]!;
    packed[to + 2] = data[from + blue]!;
    packed[to + 3] = 255;
  }
  return packed;
}

/** RGBA bytes in front of black, as a canvas shows them: the same bytes if they are opaque. */
function overBlack(data: PixelImage["data"]): PixelImage["data"] {
  for (let alpha = 3; alpha < data.length; alpha += 4) {
    if (data[alpha] === 255) continue;
    return data.map((value, i) => (i % 4 === 3 ? 255 : Math.round((value * data[i | 3]!) / 255)));
  }
  return data;
}

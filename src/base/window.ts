/** Pure arithmetic of windows that slide over an image: convolutions and pooling. */
import { ShapeError } from "./errors.ts";

/** Zeros around an image: [top, bottom, left, right]. */
export type Pads = readonly [top: number, bottom: number, left: number, right: number];

export type Pair = readonly [height: number, width: number];

/** Extents of a convolution, by the letters of the kernels, which take them as constants. */
export type Geometry = Readonly<
  Record<
    | ("N" | "H" | "W" | "C" | "K" | "R" | "S" | "P" | "Q" | "STRIDE_H" | "STRIDE_W")
    | ("DILATION_H" | "DILATION_W" | "PAD_TOP" | "PAD_LEFT"),
    number
  >
>;

/**
 * Padding as a person gives it:
 * - `"valid"`: none
 * - `"same"`: so much that the output extent is ⌈input / stride⌉, the odd zero at the bottom and right, as
 *   TensorFlow's SAME (with stride 2 this is not PyTorch's symmetric padding)
 * - a number, or [height, width]: on both sides, as PyTorch's
 * - four numbers: top, bottom, left, right
 */
export type Padding = "valid" | "same" | number | Pair | Pads;

/** A number that counts for both axes, or [height, width]. */
export const pair = (value: number | Pair): Pair => (typeof value === "number" ? [value, value] : value);

/** Extent of a window of `taps` whose taps are `dilation` apart. */
export const windowExtent = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

/**
 * Extent of the output along one axis: ⌊(input + padding − window) / stride⌋ + 1, where padding is that of both
 * sides. Zero or less where the window does not fit.
 */
export function convOutput(
  input: number,
  taps: number,
  stride: number,
  dilation: number,
  padding: number,
): number {
  return Math.floor((input + padding - windowExtent(taps, dilation)) / stride) + 1;
}

/** Zeros [before, after] along one axis that make the output extent ⌈input / stride⌉. */
export function samePadding(
  input: number,
  taps: number,
  stride: number,
  dilation: number,
): readonly [before: number, after: number] {
  const output = Math.ceil(input / stride);
  const total = Math.max(0, (output - 1) * stride + windowExtent(taps, dilation) - input);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** Padding as a person gives it, as numbers for an input and a window of these extents. */
export function resolvePadding(
  padding: Padding,
  input: Pair,
  taps: Pair,
  stride: Pair = [1, 1],
  dilation: Pair = [1, 1],
): Pads {
  if (padding === "valid") return [0, 0, 0, 0];
  if (padding === "same") {
    const [top, bottom] = samePadding(input[0], taps[0], stride[0], dilation[0]);
    const [left, right] = samePadding(input[1], taps[1], stride[1], dilation[1]);
    return [top, bottom, left, right];
  }
  const pads: Pads =
    typeof padding === "number"
      ? [padding, padding, padding, padding]
      : padding.length === 2
        ? [padding[0], padding[0], padding[1], padding[1]]
        : padding;
  if (pads.length !== 4 || pads.some((zeros) => !Number.isInteger(zeros) || zeros < 0)) {
    throw new ShapeError("padding", "expects whole numbers of zeros", `[${pads.join(", ")}]`);
  }
  return pads;
}

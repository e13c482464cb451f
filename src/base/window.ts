/** The arithmetic of windows that slide over an image, in convolutions and pooling. */
import { ShapeError } from "./errors.ts";
import { show } from "./schema.ts";

/** Zeros around an image: [top, bottom, left, right]. */
export type Pads = readonly [top: number, bottom: number, left: number, right: number];

export type Pair = readonly [height: number, width: number];

/** The extents of a convolution, named by the letters that kernels use for them; kernels take them as constants. */
export type Geometry = Readonly<
  Record<
    | ("N" | "H" | "W" | "C" | "K" | "R" | "S" | "P" | "Q" | "STRIDE_H" | "STRIDE_W")
    | ("DILATION_H" | "DILATION_W" | "PAD_TOP" | "PAD_LEFT"),
    number
  >
>;

/**
 * Padding, as options give it:
 * - `"valid"`: none
 * - `"same"`: enough for an output extent of ⌈input / stride⌉, with an odd zero at the bottom and right, like
 *   TensorFlow's SAME (with stride 2 this is not PyTorch's symmetric padding)
 * - a number, or [height, width]: on both sides, like PyTorch's
 * - four numbers: top, bottom, left, right
 */
export type Padding = "valid" | "same" | number | Pair | Pads;

/** Makes [height, width] of a number for both axes. Throws ShapeError for anything else. */
export function pair(value: number | Pair): Pair {
  if (typeof value === "number") return [value, value];
  if (Array.isArray(value) && value.length === 2) return value as unknown as Pair;
  throw new ShapeError("window", "sizes must be a number or [height, width]", `got ${show(value)}`);
}

/** The extent of a window whose `taps` are `dilation` apart. */
export const windowExtent = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

/**
 * The output's extent along one axis: ⌊(input + padding − window) / stride⌋ + 1, with the padding of both sides
 * together. Zero or less if the window does not fit.
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

/** Resolves padding to numbers, for an input and a window of these extents. Throws ShapeError for bad numbers. */
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
  if (typeof padding !== "number" && !Array.isArray(padding)) {
    const reason = 'must be "valid", "same", a number, or 2 or 4 numbers';
    throw new ShapeError("padding", reason, `got ${show(padding)}`);
  }
  const pads: Pads =
    typeof padding === "number"
      ? [padding, padding, padding, padding]
      : padding.length === 2
        ? [padding[0], padding[0], padding[1], padding[1]]
        : padding;
  if (pads.length !== 4 || pads.some((zeros) => !Number.isInteger(zeros) || zeros < 0)) {
    throw new ShapeError("padding", "must be whole numbers, not negative", `[${pads.join(", ")}]`);
  }
  return pads;
}

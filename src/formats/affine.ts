/** Factors and summands of values, which files have as layers of their own: merged into weights and preprocessing. */
import { imagenetPreprocessing, type Preprocessing } from "../models/preprocessing.ts";

/** y = scale · x + shift, with one number for all channels or one for each. */
export interface Affine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/** The factors of all channels. */
export const forChannels = (values: readonly number[], channels: number): number[] =>
  Array.from({ length: channels }, (_, c) => values[values.length === 1 ? 0 : c]!);

/** One affine map after another, for so many channels. */
export function composed(first: Affine, then: Affine, channels: number): Affine {
  const all = (values: readonly number[]): number[] => forChannels(values, channels);
  const [scale, shift] = [all(then.scale), all(then.shift)];
  const [before, offset] = [all(first.scale), all(first.shift)];
  return {
    scale: scale.map((s, c) => s * before[c]!),
    shift: shift.map((t, c) => scale[c]! * offset[c]! + t),
  };
}

/**
 * The preprocessing that a network does itself, from what it does to its images. They hold 0…255 if it divides by much
 * or subtracts much, and 0…1 otherwise. Undefined if no standard deviation gives it.
 */
export function preprocessingOf(
  { scale, shift }: Affine,
  inputShape: readonly [number, number, number],
  mode: Preprocessing["mode"] = "torch",
): Preprocessing | undefined {
  if (!scale.every((s, c) => s > 0 && Number.isFinite(s) && Number.isFinite(shift[c]))) return undefined;
  const isBytes = scale.some((s, c) => s < 1 / 16 || Math.abs(shift[c]! / s) > 2);
  // What "caffe" subtracts is on the scale of bytes.
  const range = mode === "torch" && isBytes ? 255 : 1;
  const rounded = (value: number): number => Number(value.toPrecision(6)) + 0;
  const mean = scale.map((s, c) => rounded(-shift[c]! / s / range));
  return { ...imagenetPreprocessing(inputShape), mode, mean, std: scale.map((s) => rounded(1 / s / range)) };
}

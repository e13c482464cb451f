/**
 * Antialiased bilinear resize, like PIL's and torchvision's: along each axis a new pixel is a mean of old ones,
 * weighted by a triangle around its centre, which is two new pixels wide if the image shrinks and two old ones if it
 * grows. The arithmetic is that of shaders/lib/image/resize.wgsl: positions count in 1/(2 resized) of an old pixel, so
 * that weights are exact.
 */

/** What a new pixel along an axis is made of: old pixels from `first` on, by weights that sum to 1. */
export interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** The taps of `count` new pixels from `from` on, along an axis of `size` pixels that is resized to `resized`. */
export function taps(size: number, resized: number, from = 0, count = resized): Taps[] {
  const reach = 2 * Math.max(size, resized);
  return Array.from({ length: count }, (_, i) => {
    const centre = (2 * (from + i) + 1) * size;
    const first = Math.floor(Math.max(centre - reach, 0) / (2 * resized));
    const end = Math.min(Math.floor((centre + reach) / (2 * resized)) + 1, size);
    const weights = Float64Array.from({ length: end - first }, (_, tap) =>
      Math.max(reach - Math.abs((2 * (first + tap) + 1) * resized - centre), 0),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** The old pixels [first, end) that taps need. */
export const span = (list: readonly Taps[]): [first: number, end: number] => {
  const last = list.at(-1)!;
  return [list[0]!.first, last.first + last.weights.length];
};

/** Bytes (height, width, stride); resampling uses the first `channels` bytes of each pixel. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly stride: number;
}

/** Writes the image (rows, columns, channels) that taps make of pixels, as bytes, rounded once at the end. */
export function resample(
  { data, width, stride }: Pixels,
  rows: readonly Taps[],
  columns: readonly Taps[],
  channels: number,
  into: Uint8Array,
): void {
  const [top, bottom] = span(rows);
  const row = columns.length * channels;
  const narrow = new Float32Array((bottom - top) * row);
  let at = 0;
  for (let y = top; y < bottom; y++) {
    for (const { first, weights } of columns) {
      for (let c = 0; c < channels; c++) {
        let from = (y * width + first) * stride + c;
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++, from += stride) sum += weights[tap]! * data[from]!;
        narrow[at++] = sum;
      }
    }
  }
  let to = 0;
  for (const { first, weights } of rows) {
    for (let i = 0; i < row; i++) {
      let from = (first - top) * row + i;
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++, from += row) sum += weights[tap]! * narrow[from]!;
      into[to++] = Math.round(sum);
    }
  }
}

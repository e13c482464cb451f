/** Augmentation in f64, one image and one pixel at a time, from the host's random numbers. */

import { pcg4d } from "../../../src/base/random.ts";
import type { Augmentation } from "../../../src/ops/image/augment.ts";
import type { NdArray } from "./ndarray.ts";

export interface AugmentCase extends Augmentation {
  readonly layer: number;
  readonly step: number;
  readonly seed: number;
}

/** [first row, first column, end row, end column] */
type Rectangle = readonly [number, number, number, number];
const NOWHERE: Rectangle = [0, 0, 0, 0];

/** The random choices for image `n` of `N`. */
function choices(n: number, [N, H, W]: readonly number[], given: AugmentCase) {
  const uniform = (i: number) =>
    pcg4d(32 * n + i, given.step, given.layer, given.seed).map((bits) => (bits >>> 8) * 2 ** -24);
  const at = (height: number, width: number, u: number, v: number): Rectangle => {
    const [row, column] = [Math.floor(u * (H! - height + 1)), Math.floor(v * (W! - width + 1))];
    return [row, column, row + height, column + width];
  };
  const beta = (alpha: number): number => {
    for (let i = 8; i < 24; i++) {
      const [a, b] = uniform(i).map((u) => (1 - u) ** (1 / alpha)) as [number, number];
      if (a + b > 0 && a + b <= 1) return a / (a + b);
    }
    return 1;
  };
  const { crop = 0, flip = 0, brightness = 0, contrast = 0, saturation = 0 } = given;
  const { erase = 0, mixup = 0, cutmix = 0 } = given;
  const move = uniform(0);
  const factors = uniform(1);
  const hole = uniform(2);
  const mix = uniform(3);
  const area = H! * W! * (0.02 + 0.31 * hole[0]!);
  const aspect = 3.3 ** (2 * hole[1]! - 1);
  const extent = (ideal: number, limit: number) => Math.min(Math.max(Math.round(ideal), 1), limit);
  const choice = {
    down: Math.floor(move[0]! * (2 * crop + 1)) - crop,
    right: Math.floor(move[1]! * (2 * crop + 1)) - crop,
    flipped: move[2]! < flip,
    brightness: 1 + brightness * (2 * factors[0]! - 1),
    contrast: 1 + contrast * (2 * factors[1]! - 1),
    saturation: 1 + saturation * (2 * factors[2]! - 1),
    erased:
      move[3]! < erase
        ? at(extent(Math.sqrt(area * aspect), H!), extent(Math.sqrt(area / aspect), W!), hole[2]!, hole[3]!)
        : NOWHERE,
    partner: n,
    pasted: NOWHERE,
    own: 1,
    label: 1,
  };
  if (mixup === 0 && cutmix === 0) return choice;
  choice.partner = (n + 1 + Math.floor(mix[0]! * (Math.max(N!, 2) - 1))) % N!;
  if (mixup > 0 && (cutmix === 0 || mix[1]! < 0.5)) {
    choice.own = choice.label = beta(mixup);
  } else {
    const side = Math.sqrt(1 - beta(cutmix));
    const [height, width] = [Math.round(H! * side), Math.round(W! * side)];
    choice.pasted = at(height, width, mix[2]!, mix[3]!);
    choice.label = 1 - (height * width) / (H! * W!);
  }
  return choice;
}

const covers = ([top, left, bottom, right]: Rectangle, p: number, q: number): boolean =>
  p >= top && p < bottom && q >= left && q < right;

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Augmented images, and the share of each class in each of them. */
export function augment(
  { shape, data }: NdArray,
  labels: readonly number[],
  classes: number,
  given: AugmentCase,
): { y: NdArray; targets: NdArray } {
  const [N, H, W, C] = shape as [number, number, number, number];
  const channels = Array.from({ length: C }, (_, c) => c);
  const { contrast = 0, saturation = 0 } = given;
  const { mean = channels.map(() => 0), std = channels.map(() => 1) } = given.normalize ?? {};
  const drawn = Array.from({ length: N }, (_, n) => choices(n, shape, given));
  /** The colours of a pixel before normalisation; black outside the image. */
  const colours = (n: number, p: number, q: number): number[] =>
    p < 0 || p >= H || q < 0 || q >= W
      ? channels.map(() => 0)
      : channels.map((c) => data[((n * H + p) * W + q) * C + c]! * std[c]! + mean[c]!);
  const brightnessOf = drawn.map((_, n) =>
    average(Array.from({ length: H * W }, (_, i) => average(colours(n, Math.floor(i / W), i % W)))),
  );
  const changed = (n: number, p: number, q: number): number[] => {
    const a = drawn[n]!;
    if (covers(a.erased, p, q)) return channels.map(() => 0);
    const lit = colours(n, p + a.down, (a.flipped ? W - 1 - q : q) + a.right).map((v) => v * a.brightness);
    const middle = a.brightness * brightnessOf[n]!;
    // What is not changed does not become NaN because of another pixel or colour.
    const hard = contrast > 0 ? lit.map((v) => middle + a.contrast * (v - middle)) : lit;
    const grey = average(hard);
    const vivid = saturation > 0 ? hard.map((v) => grey + a.saturation * (v - grey)) : hard;
    return vivid.map((v, c) => (v - mean[c]!) / std[c]!);
  };
  const y = Float64Array.from(data);
  const targets = new Float64Array(N * classes);
  drawn.forEach(({ own, label, partner, pasted }, n) => {
    for (let p = 0; p < H; p++) {
      for (let q = 0; q < W; q++) {
        const share = covers(pasted, p, q) ? 0 : own;
        const other = changed(partner, p, q);
        changed(n, p, q).forEach((v, c) => {
          y[((n * H + p) * W + q) * C + c] = share === 1 ? v : share * v + (1 - share) * other[c]!;
        });
      }
    }
    targets[n * classes + labels[n]!]! += label;
    targets[n * classes + labels[partner]!]! += 1 - label;
  });
  return { y: { shape, data: y }, targets: { shape: [N, classes], data: targets } };
}

import { namesOf } from "../base/names.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Augmentation } from "../ops/image/augment.ts";

/** What each kind does, at the strength usual for photographs; `size` is the shorter side of the images. */
const KINDS = {
  /** 4 pixels for CIFAR's 32. */
  crop: (size) => ({ crop: Math.max(1, Math.round(size / 8)) }),
  flip: () => ({ flip: 0.5 }),
  jitter: () => ({ brightness: 0.4, contrast: 0.4, saturation: 0.4 }),
  erase: () => ({ erase: 0.25 }),
  mixup: () => ({ mixup: 0.2 }),
  cutmix: () => ({ cutmix: 1 }),
} as const satisfies Record<string, (size: number) => Augmentation>;

/** A random change of training images that settings may name. */
export type AugmentKind = keyof typeof KINDS;

/** All random changes that settings may name. */
export const augmentKinds = namesOf(KINDS);

/** The augmentation of these kinds for the images of a data set. */
export const augmentationOf = (
  kinds: readonly AugmentKind[],
  { shape: [height, width], normalize }: Pick<Dataset, "shape" | "normalize">,
): Augmentation => Object.assign({ normalize }, ...kinds.map((kind) => KINDS[kind](Math.min(height, width))));

import { type Augmentation, augmentOp } from "../../../src/ops/image/augment.ts";
import { LIVE } from "../../../src/testing/run.ts";
import { bytes, declare } from "../../support/op/declaration.ts";
import { augment as augmentReference } from "../../support/reference/augment.ts";

const CLASSES = 6;
const normalize = { mean: [0.5, 0.4, 0.6], std: [0.25, 0.5, 0.2] };

const cases: readonly (readonly [name: string, shape: readonly number[], options: Augmentation])[] = [
  ["crop", [6, 9, 7, 3], { crop: 3, normalize }],
  ["flip", [7, 5, 6, 1], { flip: 0.5 }],
  ["erase", [12, 13, 11, 3], { erase: 0.7 }],
  ["brightness", [5, 4, 5, 3], { brightness: 0.6, normalize }],
  ["contrast", [5, 11, 17, 3], { contrast: 0.9, normalize }],
  ["saturation", [5, 4, 5, 4], { saturation: 0.8 }],
  ["mixup", [9, 4, 5, 3], { mixup: 0.3 }],
  ["cutmix", [9, 13, 8, 2], { cutmix: 1 }],
  ["one image with itself", [1, 4, 4, 3], { mixup: 1, cutmix: 1 }],
  [
    "everything",
    [16, 12, 12, 3],
    {
      crop: 2,
      flip: 0.5,
      erase: 0.4,
      brightness: 0.3,
      contrast: 0.3,
      saturation: 0.3,
      mixup: 0.4,
      cutmix: 0.9,
      normalize,
    },
  ],
];
export const augment = declare({
  op: augmentOp,
  reference({ x, labels }, { layer, classes = 0, ...options }) {
    const given = { ...options, layer, ...LIVE };
    return { ...augmentReference(x!, [...labels!.data], classes, given) };
  },
  cases: cases.map(([name, shape, options], i) => ({
    name,
    inputs: { x: shape, labels: { shape: [shape[0]!], dtype: "i32" } },
    values: { labels: (_, n) => (5 * n) % CLASSES },
    attrs: { ...options, layer: 100 + i, classes: CLASSES },
    grads: [],
  })),
  // Shares come from powers, for which GPUs guarantee less accuracy.
  tolerance: ({ attrs: { mixup } }) => (mixup ? 1e-4 : 5e-6),
  half: { never: "images are f32 until they are augmented" },
  work: ({ inputs: { x, labels }, outputs: { y, targets } }) => ({ bytes: bytes(x, labels, y, targets) }),
});

import { hashString } from "../base/random.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Augmentation, augmentOp } from "../ops/image/augment.ts";

/**
 * Random crop, flip, colours and erasing of images x (N, H, W, C), C ≤ 4, in training; x itself in evaluation. `name`,
 * seed and step determine what is drawn. Gradients stop here. Mixup and cutmix need `augmentLabelled`.
 */
export const augment = (x: Tensor, name: string, options: Augmentation): Tensor =>
  x.graph.apply(augmentOp, name, { x }, { ...options, layer: hashString(name) }).y;

/** The same with mixup and cutmix; the labels (N) become shares of the classes (N, classes). */
export function augmentLabelled(
  x: Tensor,
  labels: Tensor,
  name: string,
  options: Augmentation & { readonly classes: number },
): { readonly images: Tensor; readonly targets: Tensor } {
  const attrs = { ...options, layer: hashString(name) };
  const { y, targets } = x.graph.apply(augmentOp, name, { x, labels }, attrs);
  return { images: y, targets: targets! };
}

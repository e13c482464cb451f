import type { Tensor } from "../graph/tensor.ts";
import { asActivations, augment, augmentLabelled, crossEntropy, softCrossEntropy } from "../layers/index.ts";
import { exact } from "../layers/precision.ts";
import type { Model } from "../models/model.ts";
import type { Augmentation } from "../ops/image/augment.ts";
import { IGNORED } from "./evaluation/run-batches.ts";

export interface TrainingPassOptions {
  readonly labelSmoothing?: number;
  /** A weight for each class in the loss. */
  readonly classWeights?: readonly number[];
  /**
   * Random changes of the training images, which follow from the seed and step. Give it the data set's `normalize`.
   * With mixup or cutmix, a step's accuracy counts the label with the larger share.
   */
  readonly augment?: Augmentation;
}

/** Whether the loss compares with shares of classes, which mixed images have, instead of labels. */
export const hasSoftTargets = (augmentation: Augmentation | undefined): augmentation is Augmentation =>
  Boolean(augmentation?.mixup || augmentation?.cutmix);

/** Results of the forward pass; `loss` has the layout of `crossEntropy`, or of a loss of one's own. */
interface Answers {
  readonly logits: Tensor;
  readonly loss: Tensor;
}

/** From images (N, H, W, C) and labels (N) to the loss to minimise: `own`, or cross-entropy. */
export function classifierLoss(
  model: Model,
  images: Tensor,
  labels: Tensor,
  { labelSmoothing = 0, classWeights, augment: augmentation }: TrainingPassOptions,
  own?: (logits: Tensor, targets: Tensor) => Tensor,
): Answers {
  const options = { labelSmoothing, ...(classWeights && { classWeights }) };
  if (hasSoftTargets(augmentation)) {
    const given = { ...augmentation, classes: model.classes };
    const mixed = augmentLabelled(images, labels, "augment", given);
    const logits = model.build(asActivations(mixed.images));
    const { targets } = mixed;
    return { logits, loss: own?.(exact(logits), targets) ?? softCrossEntropy(logits, targets, options) };
  }
  const logits = model.build(asActivations(augmentation ? augment(images, "augment", augmentation) : images));
  return {
    logits,
    loss: own?.(exact(logits), labels) ?? crossEntropy(logits, labels, { ignoreIndex: IGNORED, ...options }),
  };
}

/** The loss of an evaluation: `own`, or cross-entropy without smoothing or weights; some labels may be `IGNORED`. */
export const evaluationLoss = (
  logits: Tensor,
  labels: Tensor,
  own?: (logits: Tensor, labels: Tensor) => Tensor,
): Tensor => own?.(exact(logits), labels) ?? crossEntropy(logits, labels, { ignoreIndex: IGNORED });

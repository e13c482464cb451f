/** Classifiers whose classes do not exclude each other. */
import { binaryCrossEntropyWithLogits } from "../layers/index.ts";
import type { Model } from "./model.ts";

/**
 * The same classifier with labels that do not exclude each other: an image may have several of the classes, or none.
 * A prediction is the sigmoid of each logit; training compares the logits with labels (N, classes) in [0, 1], which come
 * from a data source, by `binaryCrossEntropyWithLogits`; and accuracy is the share of labels that are right, a label being
 * there from a probability of more than ½ on.
 *
 *     const model = multiLabel(convnet({ inputShape: [32, 32, 3], classes: 5 }));
 */
export const multiLabel = <M extends Model>(model: M): M => ({
  ...model,
  classifierActivation: "sigmoid",
  loss: (logits, labels) => binaryCrossEntropyWithLogits(logits, labels),
});

/**
 * Losses, named as PyTorch's functions, and softmax. Their results begin with the mean, the sum of losses and what that was
 * divided by, so that batches merge as Σ [1] / Σ [2].
 *
 *     here                           PyTorch                               Keras
 *     crossEntropy                   F.cross_entropy                       SparseCategoricalCrossentropy
 *     softCrossEntropy               F.cross_entropy, of probabilities     CategoricalCrossentropy
 *     binaryCrossEntropyWithLogits   F.binary_cross_entropy_with_logits    BinaryCrossentropy
 *     sigmoidFocalLoss               torchvision.ops.sigmoid_focal_loss    BinaryFocalCrossentropy
 *     mseLoss                        F.mse_loss                            MeanSquaredError
 *     l1Loss                         F.l1_loss                             MeanAbsoluteError
 *     huberLoss                      F.huber_loss                          Huber
 */
import { ShapeError } from "../base/errors.ts";
import { pad, type Tensor } from "../graph/tensor.ts";
import { type CrossEntropyAttrs, crossEntropyOp } from "../ops/loss/cross-entropy.ts";
import { type ElementwiseLossAttrs, elementwiseLossOp } from "../ops/loss/elementwise.ts";
import { softCrossEntropyOp } from "../ops/loss/soft-cross-entropy.ts";
import { softmaxOp } from "../ops/loss/softmax.ts";
import { sumLossesOp } from "../ops/loss/sum-losses.ts";
import { toBranches } from "./merge.ts";
import { cast, exact } from "./precision.ts";

/** How `crossEntropy` counts rows and classes. */
export interface CrossEntropyOptions extends CrossEntropyAttrs {
  /** A weight for each class. Default 1. */
  readonly classWeights?: readonly number[];
}

/**
 * Softmax cross-entropy of logits (N, K) and integer labels (N), averaged like torch.nn.CrossEntropyLoss. The result
 * is (5): mean loss, Σ weighted losses, Σ weights, number of correct rows, number of rows not ignored.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { classWeights, ...attrs } = options;
  const weights = constant(logits, "classWeights", classWeights);
  const inputs = { logits: exact(logits), labels, classWeights: weights };
  return logits.graph.apply(crossEntropyOp, "loss", inputs, attrs).loss;
}

/**
 * The same for shares of classes (N, K) in place of labels, averaged over all rows regardless of weights, like torch.
 * The result is (5): mean loss, Σ losses, N, number of rows whose largest logit is that of the largest share, N.
 */
export function softCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: Omit<CrossEntropyOptions, "ignoreIndex"> = {},
): Tensor {
  const { classWeights, ...attrs } = options;
  const weights = constant(logits, "classWeights", classWeights);
  const inputs = { logits: exact(logits), targets, classWeights: weights };
  return logits.graph.apply(softCrossEntropyOp, "loss", inputs, attrs).loss;
}

/** Class probabilities of logits (N, K), in f32 in any precision. */
export const softmax = (logits: Tensor): Tensor =>
  logits.graph.apply(softmaxOp, `${logits.name}.softmax`, { x: cast(logits, "f32") }, {}).y;

/** Mean of (prediction − target)² for two tensors of one shape, as torch.nn.functional.mse_loss. */
export const mseLoss = (prediction: Tensor, target: Tensor): Tensor =>
  elementwise(prediction, target, { name: "mse" });

/** Mean of |prediction − target| for two tensors of one shape, as torch.nn.functional.l1_loss. */
export const l1Loss = (prediction: Tensor, target: Tensor): Tensor =>
  elementwise(prediction, target, { name: "l1" });

/** Where `huberLoss` goes from squares to lines. */
export interface HuberLossOptions {
  /** The distance up to which it is a parabola, above 0. Default 1. */
  readonly delta?: number;
}

/**
 * Mean of (prediction − target)² / 2 where the two are nearer than delta, and of delta (|prediction − target| − delta / 2)
 * elsewhere, for two tensors of one shape, as torch.nn.functional.huber_loss. Divided by delta, it is smooth_l1_loss.
 *
 * Huber, "Robust Estimation of a Location Parameter", 1964.
 */
export const huberLoss = (prediction: Tensor, target: Tensor, options: HuberLossOptions = {}): Tensor =>
  elementwise(prediction, target, { name: "huber", ...options });

/** What elements and classes weigh in `binaryCrossEntropyWithLogits`. */
export interface BinaryCrossEntropyOptions {
  /** A factor for each element's loss: a tensor of the logits' shape, such as a mask, or one for each class. Default 1. */
  readonly weight?: Tensor | readonly number[];
  /** A factor for each class where the target says that it is there: above 1 for recall, below for precision. Default 1. */
  readonly posWeight?: readonly number[];
}

/**
 * Cross-entropy between sigmoid(logits) and targets in [0, 1], for classes that do not exclude each other: logits,
 * targets (…, C). The mean over all elements whatever the weights, as
 * torch.nn.functional.binary_cross_entropy_with_logits, finite for all finite logits.
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  const { weight, posWeight } = options;
  const weights = {
    weight: weight && "graph" in weight ? cast(weight, "f32") : constant(logits, "weight", weight),
    posWeight: constant(logits, "posWeight", posWeight),
  };
  return elementwise(logits, targets, { name: "bce_with_logits" }, weights);
}

/** How far `sigmoidFocalLoss` favours what is rare and hard. */
export interface SigmoidFocalLossOptions {
  /** Weight of positives in [0, 1], 1 − alpha that of negatives; below 0, both weigh 1. Default 0.25. */
  readonly alpha?: number;
  /** At 0, all elements count alike; the larger, the less those that are predicted well. Default 2. */
  readonly gamma?: number;
}

/**
 * Cross-entropy between sigmoid(logits) and targets in [0, 1], each element times (1 − probability of the truth)^gamma,
 * so that a multitude of easy negatives does not drown the rest: logits, targets (…, C). The mean over all elements of
 * torchvision.ops.sigmoid_focal_loss.
 *
 * Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
 */
export const sigmoidFocalLoss = (
  logits: Tensor,
  targets: Tensor,
  options: SigmoidFocalLossOptions = {},
): Tensor => elementwise(logits, targets, { name: "sigmoid_focal", ...options });

/**
 * Σ weight · mean loss of two to six losses, such as those of several outputs. Default weights 1. The result is (1), so
 * that batches of an evaluation count by their numbers of examples, whatever the losses were divided by. Throws
 * ShapeError for weights that are not finite or not as many.
 */
export function sumLosses(
  losses: readonly Tensor[],
  weights: readonly number[] = losses.map(() => 1),
): Tensor {
  const branches = toBranches("sumLosses", losses);
  return branches.x0.graph.apply(sumLossesOp, "sum of losses", branches, { weights }).loss;
}

/** The result is (3): mean, Σ weighted losses, number of elements. */
function elementwise(
  prediction: Tensor,
  target: Tensor,
  attrs: ElementwiseLossAttrs,
  weights: { readonly weight?: Tensor | undefined; readonly posWeight?: Tensor | undefined } = {},
): Tensor {
  const inputs = { prediction: exact(prediction), target: cast(target, "f32"), ...weights };
  return prediction.graph.apply(elementwiseLossOp, "loss", inputs, attrs).loss;
}

/** Weights of classes, if given, as a constant of the graph. */
function constant(
  { graph }: Tensor,
  name: string,
  weights: readonly number[] | undefined,
): Tensor | undefined {
  if (!weights) return undefined;
  if (weights.some((weight) => !(weight >= 0 && weight < Infinity))) {
    throw new ShapeError("loss", `${name} must be finite and not negative`, `[${weights.join(", ")}]`);
  }
  const shape = [weights.length];
  return graph.tensor(name, shape, { role: "constant", data: pad(Float32Array.from(weights), shape) });
}

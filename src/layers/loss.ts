import { ShapeError } from "../base/errors.ts";
import { pad, type Tensor } from "../graph/tensor.ts";
import { type CrossEntropyAttrs, crossEntropyOp } from "../ops/loss/cross-entropy.ts";
import { mseOp } from "../ops/loss/mse.ts";
import { softCrossEntropyOp } from "../ops/loss/soft-cross-entropy.ts";
import { softmaxOp } from "../ops/loss/softmax.ts";
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
  const inputs = { logits: exact(logits), labels, ...weights(logits, classWeights) };
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
  const inputs = { logits: exact(logits), targets, ...weights(logits, classWeights) };
  return logits.graph.apply(softCrossEntropyOp, "loss", inputs, attrs).loss;
}

/** Class weights, if given, as a constant of the graph. */
function weights({ graph }: Tensor, given: readonly number[] | undefined): { classWeights?: Tensor } {
  if (!given) return {};
  if (given.some((weight) => !(weight >= 0 && weight < Infinity))) {
    const reason = "classWeights must be finite and not negative";
    throw new ShapeError("cross_entropy", reason, `[${given.join(", ")}]`);
  }
  const shape = [given.length];
  const data = pad(Float32Array.from(given), shape);
  return { classWeights: graph.tensor("classWeights", shape, { role: "constant", data }) };
}

/** Class probabilities of logits (N, K), in f32 in any precision. */
export const softmax = (logits: Tensor): Tensor =>
  logits.graph.apply(softmaxOp, `${logits.name}.softmax`, { x: cast(logits, "f32") }, {}).y;

/**
 * Mean of (prediction − target)² for two tensors of the same shape. The result is (3): mean, Σ squares, number of
 * elements.
 */
export const meanSquaredError = (prediction: Tensor, target: Tensor): Tensor =>
  prediction.graph.apply(mseOp, "loss", { prediction: exact(prediction), target: cast(target, "f32") }, {})
    .loss;

import { ShapeError } from "../base/errors.ts";
import { pad, type Tensor } from "../graph/tensor.ts";
import { type CrossEntropyAttrs, crossEntropyOp } from "../ops/loss/cross-entropy.ts";
import { mseOp } from "../ops/loss/mse.ts";
import { softCrossEntropyOp } from "../ops/loss/soft-cross-entropy.ts";
import { softmaxOp } from "../ops/loss/softmax.ts";
import { cast, exact } from "./precision.ts";

export interface CrossEntropyOptions extends CrossEntropyAttrs {
  /** A weight for each class. Default 1. */
  readonly classWeights?: readonly number[];
}

/**
 * Softmax cross-entropy of logits (N, K) and integer labels (N), averaged as torch.nn.CrossEntropyLoss does.
 * The result is (5): mean loss, Σ weighted losses, Σ weights, rows that are right, rows that count.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { classWeights, ...attrs } = options;
  const inputs = { logits: exact(logits), labels, ...weights(logits, classWeights) };
  return logits.graph.apply(crossEntropyOp, "loss", inputs, attrs).loss;
}

/**
 * The same for shares of classes (N, K) in place of labels, averaged over all rows whatever the weights, as torch
 * does. The result is (5): mean loss, Σ losses, N, rows whose largest logit is the largest share's, N.
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

/** Class weights as a constant of the graph, if there are any. */
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

/** Class probabilities of logits (N, K), in f32 whatever the precision. */
export const softmax = (logits: Tensor): Tensor =>
  logits.graph.apply(softmaxOp, `${logits.name}.softmax`, { x: cast(logits, "f32") }, {}).y;

/**
 * Mean of (prediction − target)² of two tensors of one shape. The result is (3): mean, Σ of squares, number of
 * elements.
 */
export const meanSquaredError = (prediction: Tensor, target: Tensor): Tensor =>
  prediction.graph.apply(mseOp, "loss", { prediction: exact(prediction), target: cast(target, "f32") }, {})
    .loss;

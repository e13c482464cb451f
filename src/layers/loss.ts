import { ShapeError } from "../errors.ts";
import { pad, type Tensor } from "../graph/tensor.ts";
import { type CrossEntropyAttrs, crossEntropyOp } from "../ops/cross-entropy.ts";
import { mseOp } from "../ops/mse.ts";
import { softmaxOp } from "../ops/softmax.ts";

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
  const { graph } = logits;
  if (classWeights?.some((weight) => !(weight >= 0 && weight < Infinity))) {
    throw new ShapeError(
      "cross_entropy",
      "classWeights must be finite and not negative",
      `[${classWeights.join(", ")}]`,
    );
  }
  const shape = [classWeights?.length ?? 0];
  const weights = classWeights && {
    classWeights: graph.tensor("classWeights", shape, {
      role: "constant",
      data: pad(Float32Array.from(classWeights), shape),
    }),
  };
  return graph.apply(crossEntropyOp, "loss", { logits, labels, ...weights }, attrs).loss;
}

/** Class probabilities of logits (N, K). */
export const softmax = (logits: Tensor): Tensor =>
  logits.graph.apply(softmaxOp, `${logits.name}.softmax`, { x: logits }, {}).y;

/**
 * Mean of (prediction − target)² of two tensors of one shape. The result is (3): mean, Σ of squares, number of
 * elements.
 */
export const meanSquaredError = (prediction: Tensor, target: Tensor): Tensor =>
  prediction.graph.apply(mseOp, "loss", { prediction, target }, {}).loss;

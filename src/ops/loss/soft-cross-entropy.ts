import { ShapeError } from "../../base/errors.ts";
import type { Op, TensorSpec } from "../../graph/op.ts";
import { OPTIONAL_NUMBER } from "../../graph/takes.ts";
import { describe, pad4, type Tensor } from "../../graph/tensor.ts";
import { fold } from "../../kernel/grid.ts";
import { soft_cross_entropy, soft_cross_entropy_with_gradient } from "../../kernel/shaders.gen.ts";
import { emitMeanLoss } from "./cross-entropy.ts";
import { passLossGradient } from "./pass-loss-gradient.ts";

export interface SoftCrossEntropyAttrs {
  /** Share of each target that is spread evenly over the classes. Default 0. */
  readonly labelSmoothing?: number;
}

type In = {
  logits: Tensor;
  /** Share of each class in each row, (N, K). No gradient is computed for it. */
  targets: Tensor;
  /** Weight of each class, (K). Default 1. */
  classWeights?: Tensor | undefined;
};

type Out = {
  /** (5), as of `crossEntropyOp`: the mean loss, Σ losses, N, number of correct rows, N. */
  loss: Tensor;
  /** Gradient of the mean loss, of the logits' shape; there where the logits want one. */
  dlogits?: Tensor;
};

/**
 * Cross-entropy between softmax(logits) (N, K) and shares of classes (N, K), averaged over the rows, as
 * torch.nn.CrossEntropyLoss computes it for class probabilities. A row is correct if its largest logit, the first
 * where several are equal, is that of the largest share.
 */
export const softCrossEntropyOp: Op<In, SoftCrossEntropyAttrs, Out> = {
  name: "soft_cross_entropy",
  takes: {
    inputs: { logits: "required", targets: "required", classWeights: "optional" },
    options: { labelSmoothing: OPTIONAL_NUMBER },
  },
  infer({ logits, targets, classWeights }, { labelSmoothing = 0 }) {
    const given = [logits, targets, classWeights].flatMap((t) => (t ? [describe(t)] : [])).join(", ");
    if (logits.shape.length !== 2) throw new ShapeError("soft_cross_entropy", "logits must be (N, K)", given);
    if (targets.shape.join() !== logits.shape.join() || targets.storage.dtype !== "f32") {
      const expected = logits.shape.join(", ");
      throw new ShapeError("soft_cross_entropy", `targets must be f32 (${expected})`, given);
    }
    if (classWeights && classWeights.shape.join() !== String(logits.shape[1])) {
      throw new ShapeError("soft_cross_entropy", `classWeights must be (${logits.shape[1]})`, given);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new ShapeError("soft_cross_entropy", "labelSmoothing must be in [0, 1]", String(labelSmoothing));
    }
    const loss: TensorSpec = { shape: [5] };
    return logits.requiresGrad ? { loss, dlogits: { shape: logits.shape } } : { loss };
  },
  forward(emit, { inputs, attrs, outputs: { loss, dlogits } }) {
    const { logits, targets } = inputs;
    const [N, K] = logits.shape as [number, number];
    const class_weights =
      inputs.classWeights ?? emit.constant("classWeights", new Float32Array(pad4(K)).fill(1, 0, K));
    const rows = emit.temporary("rows", [N, 4]);
    const bindings = { logits, targets, class_weights, rows };
    const constants = { N, K, SMOOTHING: attrs.labelSmoothing ?? 0 };
    if (dlogits) {
      emit.dispatch(soft_cross_entropy_with_gradient, { ...bindings, dlogits }, constants, fold(N));
    } else {
      emit.dispatch(soft_cross_entropy, bindings, constants, fold(N));
    }
    emitMeanLoss(emit, rows, loss);
  },
  backward(emit, { inputs: { logits }, outputs: { loss, dlogits } }) {
    if (dlogits) passLossGradient(emit, logits, dlogits, loss);
  },
};

import { ShapeError } from "../../base/errors.ts";
import type { Emitter, Op, TensorSpec } from "../../graph/op.ts";
import { OPTIONAL_NUMBER } from "../../graph/takes.ts";
import { describe, pad4, type Tensor } from "../../graph/tensor.ts";
import { emitBest } from "../tunable.ts";
import { CROSS_ENTROPY_ROWS, MEAN_LOSS } from "./cross-entropy-passes.ts";
import { passLossGradient } from "./pass-loss-gradient.ts";

export interface CrossEntropyAttrs {
  /** Share of each target that is spread evenly over the classes. Default 0. */
  readonly labelSmoothing?: number;
  /** Rows with this label do not count. Default −100. */
  readonly ignoreIndex?: number;
}

type In = {
  logits: Tensor;
  labels: Tensor;
  /** Weight of each class, (K). Default 1. */
  classWeights?: Tensor | undefined;
};

type Out = {
  /**
   * (5): the mean loss, Σ weighted losses, Σ weights, number of correct rows, number of rows that count.
   * Batches merge exactly as Σ [1] / Σ [2] and Σ [3] / Σ [4].
   */
  loss: Tensor;
  /** Gradient of the mean loss, of the logits' shape; there where the logits want one. */
  dlogits?: Tensor;
};

/**
 * Cross-entropy between softmax(logits) (N, K) and labels i32 (N): the weighted mean over the rows that
 * count, as torch.nn.CrossEntropyLoss computes it. Where no row counts, loss and gradient are 0, not NaN. A
 * row is correct if its largest logit, the first where several are equal, is the label's. A label that is
 * neither a class nor `ignoreIndex` makes the loss NaN.
 */
export const crossEntropyOp: Op<In, CrossEntropyAttrs, Out> = {
  name: "cross_entropy",
  takes: {
    inputs: { logits: "required", labels: "required", classWeights: "optional" },
    options: { labelSmoothing: OPTIONAL_NUMBER, ignoreIndex: OPTIONAL_NUMBER },
  },
  infer({ logits, labels, classWeights }, { labelSmoothing = 0 }) {
    const given = [logits, labels, classWeights].flatMap((t) => (t ? [describe(t)] : [])).join(", ");
    const [N, K] = logits.shape;
    if (logits.shape.length !== 2) throw new ShapeError("cross_entropy", "logits must be (N, K)", given);
    if (labels.shape.length !== 1 || labels.shape[0] !== N || labels.storage.dtype !== "i32") {
      throw new ShapeError("cross_entropy", `labels must be i32 (${N})`, `${given}, ${labels.storage.dtype}`);
    }
    if (classWeights && (classWeights.shape.length !== 1 || classWeights.shape[0] !== K)) {
      throw new ShapeError("cross_entropy", `classWeights must be (${K})`, given);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new ShapeError("cross_entropy", "labelSmoothing must be in [0, 1]", String(labelSmoothing));
    }
    const loss: TensorSpec = { shape: [5] };
    return logits.requiresGrad ? { loss, dlogits: { shape: logits.shape } } : { loss };
  },
  forward(emit, { inputs, attrs, outputs: { loss, dlogits } }) {
    const { logits, labels } = inputs;
    const [N, K] = logits.shape as [number, number];
    const SMOOTHING = attrs.labelSmoothing ?? 0;
    const IGNORED = attrs.ignoreIndex ?? -100;
    const class_weights =
      inputs.classWeights ?? emit.constant("classWeights", new Float32Array(pad4(K)).fill(1, 0, K));
    const total = emit.temporary("total", [1]);
    const rows = emit.temporary("rows", [N, 4]);
    const tensors = { logits, labels, class_weights, total, rows, dlogits };
    emitBest(CROSS_ENTROPY_ROWS, emit, { N, K }, tensors, { IGNORED, SMOOTHING });
    emitMeanLoss(emit, rows, loss);
  },
  backward(emit, { inputs: { logits }, outputs: { loss, dlogits } }) {
    if (dlogits) passLossGradient(emit, logits, dlogits, loss);
  },
};

/** Emits the `loss` of `crossEntropyOp` from its rows (N, 4), which `shaders/loss/cross_entropy_rows.wgsl` describes. */
export function emitMeanLoss(emit: Emitter, rows: Tensor, loss: Tensor): void {
  emitBest(MEAN_LOSS, emit, { N: rows.shape[0]! }, { rows, loss });
}

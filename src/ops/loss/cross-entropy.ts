import { ShapeError } from "../../base/errors.ts";
import type { Emitter, Op, TensorSpec } from "../../graph/op.ts";
import { describe, pad4, type Tensor } from "../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { fold } from "../../kernel/grid.ts";
import {
  cross_entropy_mean_single,
  cross_entropy_mean_workgroup,
  cross_entropy_rows_single,
  cross_entropy_rows_single_with_gradient,
  cross_entropy_rows_workgroup,
  cross_entropy_rows_workgroup_with_gradient,
  cross_entropy_total_single,
  cross_entropy_total_workgroup,
} from "../../kernel/shaders.gen.ts";

const BY_WORKGROUPS = {
  total: cross_entropy_total_workgroup,
  rows: cross_entropy_rows_workgroup,
  gradient: cross_entropy_rows_workgroup_with_gradient,
  mean: cross_entropy_mean_workgroup,
};
const BY_ONE = {
  total: cross_entropy_total_single,
  rows: cross_entropy_rows_single,
  gradient: cross_entropy_rows_single_with_gradient,
  mean: cross_entropy_mean_single,
};

/** Sums by whole workgroups; on a CPU by one invocation each, without the barriers that take long to compile. */
const kernelsFor = (device: Capabilities) => (isCpu(device) ? BY_ONE : BY_WORKGROUPS);

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
    const kernels = kernelsFor(emit.device);
    emit.dispatch(kernels.total, { labels, class_weights, total }, { N, K, IGNORED }, [1, 1, 1]);
    const bindings = { logits, labels, class_weights, total, rows };
    const constants = { N, K, IGNORED, SMOOTHING };
    if (dlogits) emit.dispatch(kernels.gradient, { ...bindings, dlogits }, constants, fold(N));
    else emit.dispatch(kernels.rows, bindings, constants, fold(N));
    emitMeanLoss(emit, rows, loss);
  },
  backward(emit, { inputs: { logits }, outputs: { dlogits } }) {
    if (dlogits) emit.pass(logits, dlogits);
  },
};

/** Emits the `loss` of `crossEntropyOp` from its rows (N, 4), which `shaders/loss/cross_entropy_rows.wgsl` describes. */
export function emitMeanLoss(emit: Emitter, rows: Tensor, loss: Tensor): void {
  emit.dispatch(kernelsFor(emit.device).mean, { rows, loss }, { N: rows.shape[0]! }, [1, 1, 1]);
}

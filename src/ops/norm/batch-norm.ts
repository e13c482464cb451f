import { ShapeError } from "../../base/errors.ts";
import { oneOf } from "../../base/schema.ts";
import {
  type BackwardEmitter,
  type Emitter,
  type Fused,
  type GradientRule,
  isNode,
  type Op,
  type OpNode,
} from "../../graph/op.ts";
import { NUMBER } from "../../graph/takes.ts";
import { describe, type Tensor } from "../../graph/tensor.ts";
import { type Activation, IDENTITY, OPTIONAL_ACTIVATION } from "../elementwise/activation.ts";
import { addOp } from "../elementwise/add.ts";
import {
  checkFusable,
  emitBeforeActivation,
  isFusable,
  withActivation,
} from "../elementwise/fused-activation.ts";
import { emitBest } from "../tunable.ts";
import { BATCH_NORM_FORWARD, BATCH_NORM_STATISTICS } from "./batch-norm-forward.ts";
import { BATCH_NORM_BACKWARD, BATCH_NORM_SUMS, emitMergedSums, type Target } from "./batch-norm-gradients.ts";
import { lanesFor, type Rows } from "./rows.ts";

export interface BatchNorm {
  /**
   * `train`: normalises by the statistics of the batch and updates the running ones.
   * `eval`, `frozen`: normalises by the running statistics and leaves them alone; the two differ in what
   * trains around them, not in their mathematics.
   */
  readonly mode: "train" | "eval" | "frozen";
  readonly eps: number;
  /** Share of the batch in the running statistics: running = (1 − momentum) running + momentum batch. */
  readonly momentum: number;
  /** Applied last; with a residual one of identity, ReLU, tanh or another that `isFusable`. */
  readonly activation?: Activation;
}

const MODE = /* @__PURE__ */ oneOf(["train", "eval", "frozen"]);

export type BatchNormInputs = {
  x: Tensor;
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
  residual?: Tensor | undefined;
};
export type BatchNormOutputs = { y: Tensor; mean: Tensor; variance: Tensor };
type Node = OpNode<BatchNormInputs, BatchNorm, BatchNormOutputs>;

export const rowsOf = ({ shape }: Tensor): Rows => ({
  ROWS: shape.slice(0, -1).reduce((a, b) => a * b, 1),
  C: shape.at(-1)!,
});

function target(emit: BackwardEmitter, input: Tensor | undefined): Target {
  if (!emit.wants(input)) return [emit.temporary("unwanted", [4]), 0];
  const { tensor, accumulate } = emit.into(input);
  return [tensor, accumulate ? 2 : 1];
}

/** Mean and variance of the batch, which the running ones follow. */
export function emitStatistics(
  emit: Emitter,
  { inputs, attrs, outputs: { mean, variance } }: Pick<Node, "inputs" | "attrs" | "outputs">,
): void {
  const { x, runningMean: running_mean, runningVar: running_var } = inputs;
  emitBest(
    BATCH_NORM_STATISTICS,
    emit,
    rowsOf(x),
    { x, mean, variance, running_mean, running_var },
    attrs.momentum,
  );
}

/** y from mean and variance. */
function emitNormalise(emit: Emitter, { inputs, attrs, outputs: { y, mean, variance } }: Node): void {
  const { x, weight, bias, residual } = inputs;
  const { eps, activation = IDENTITY } = attrs;
  const tensors = { x, mean, variance, weight, bias, y };
  emitBest(BATCH_NORM_FORWARD, emit, rowsOf(x), tensors, { eps, activation, residual });
}

/**
 * Batch normalisation over all axes but the last, with what follows it in residual networks:
 * y = f((x − mean) / √(variance + eps) · weight + bias [+ residual]).
 *
 * x, residual, y (N, H, W, C) or (N, C); weight, bias, runningMean, runningVar, mean, variance (C). `mean` and
 * `variance` (biased) are those that y was normalised by; the running variance is the unbiased one.
 *
 * Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
 * Shift", 2015.
 */
export const batchNormOp: Op<BatchNormInputs, BatchNorm, BatchNormOutputs> = {
  name: "batch_norm",
  takes: {
    inputs: {
      x: "required",
      weight: "required",
      bias: "required",
      runningMean: "required",
      runningVar: "required",
      residual: "optional",
    },
    options: { mode: MODE, eps: NUMBER, momentum: NUMBER, activation: OPTIONAL_ACTIVATION },
  },
  infer({ x, residual, ...vectors }, { mode, activation }) {
    const C = x.shape.at(-1)!;
    if (x.shape.length < 2)
      throw new ShapeError("batch_norm", "expects (…, C) of rank 2 or more", describe(x));
    for (const [name, tensor] of Object.entries(vectors)) {
      if (tensor.shape.length !== 1 || tensor.shape[0] !== C) {
        const reason = `${name} expects (${C}), got (${tensor.shape.join(", ")})`;
        throw new ShapeError("batch_norm", reason, describe(x));
      }
    }
    if (residual && residual.shape.join() !== x.shape.join()) {
      throw new ShapeError(
        "batch_norm",
        "the residual has another shape than x",
        `${describe(x)}, ${describe(residual)}`,
      );
    }
    if (residual === x) throw new ShapeError("batch_norm", "the residual is x itself", describe(x));
    if (residual) checkFusable("batch_norm with a residual", activation);
    if (mode === "train" && rowsOf(x).ROWS === 1) {
      throw new ShapeError("batch_norm", "one pixel in training mode has no variance", describe(x));
    }
    return { y: { shape: x.shape, dtype: x.storage.dtype }, mean: { shape: [C] }, variance: { shape: [C] } };
  },
  views: ({ runningMean, runningVar }, { mode }) =>
    mode === "train" ? {} : { mean: runningMean, variance: runningVar },

  forward(emit, node) {
    if (node.attrs.mode === "train") emitStatistics(emit, node);
    emitNormalise(emit, node);
  },
  again: { keeps: ["mean", "variance"], forward: emitNormalise },

  backward: "batch_norm",
  fuse: (node, next) =>
    withResidual(node, next) ??
    withActivation(node, next, (activation) => !node.inputs.residual || isFusable(activation)),
};

export const batchNormBackward: GradientRule<BatchNormInputs, BatchNorm, BatchNormOutputs> = (emit, node) =>
  emitBatchNormGradients(emit, node);

/**
 * Emits the gradients. With `summed` (2, parts, C), which are Σ dz and Σ dz (x − mean), the first pass is done: what has
 * arrived at y is the gradient before the activation, if there is a residual.
 */
export function emitBatchNormGradients(
  emit: BackwardEmitter,
  { inputs, attrs, outputs: { y, mean, variance } }: Pick<Node, "inputs" | "attrs" | "outputs">,
  summed?: Tensor,
): void {
  const { x, weight, bias, residual } = inputs;
  const rows = rowsOf(x);
  const train = attrs.mode === "train";
  const { eps, activation = IDENTITY } = attrs;
  const dy = emit.gradient(y);
  // Frozen statistics with frozen weight and bias leave nothing to sum.
  const sums = emit.wants(weight) || emit.wants(bias) || (train && emit.wants(x));
  // Before the activation, where a residual joins; else z is computed again, so that dz need not be stored. The residual
  // itself is not read, so that it need not be kept.
  const joined = residual !== undefined && activation.name !== "identity";
  const dz = !joined || summed ? dy : (emit.take(y) ?? emit.temporary("dz", y.shape, y.storage.dtype));
  if (joined && !sums) emitBeforeActivation(emit, { y, dy }, activation, { tensor: dz, accumulate: 0 });

  const coefficients = emit.temporary("coefficients", [5, rows.C]);
  if (sums || emit.wants(x)) {
    const results = { coefficients, dweight: target(emit, weight), dbias: target(emit, bias) };
    const vectors = { mean, variance, weight, bias };
    const settings = { eps, activation, sums, train };
    if (summed) {
      const parts = {
        partial: summed,
        LANES: lanesFor(summed.shape[1]!),
        merge: "workgroup",
        WHOLE: 0,
      } as const;
      emitMergedSums(emit, rows, parts, vectors, results, settings);
    } else {
      const tensors = { x, dy, ...vectors };
      emitBest(BATCH_NORM_SUMS, emit, rows, tensors, results, settings, joined ? { y, dz } : undefined);
    }
  }
  if (emit.wants(x)) {
    const tensors = { x, dy: dz, coefficients };
    emitBest(BATCH_NORM_BACKWARD, emit, rows, tensors, emit.into(x), joined ? IDENTITY : activation);
  }
  if (emit.wants(residual)) emit.pass(residual, dz);
}

/** A batch norm with what is added to its y in the next node. */
function withResidual(
  { op, inputs, attrs, outputs: { y } }: OpNode<BatchNormInputs, BatchNorm, BatchNormOutputs>,
  next: OpNode,
): Fused | undefined {
  if (!isNode(next, addOp) || attrs.activation || inputs.residual) return undefined;
  const { a, b } = next.inputs;
  const residual = a === y ? b : a;
  if (residual === inputs.x) return undefined;
  return { op, inputs: { ...inputs, residual }, attrs: { ...attrs, ...next.attrs } };
}

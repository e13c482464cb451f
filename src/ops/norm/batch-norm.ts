import { ShapeError } from "../../base/errors.ts";
import {
  type BackwardEmitter,
  type Emitter,
  type Fused,
  isNode,
  type Op,
  type OpNode,
} from "../../graph/op.ts";
import { describe, pad4, type Tensor } from "../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import {
  batch_norm_backward,
  batch_norm_backward_merge,
  batch_norm_backward_merge_alone,
  batch_norm_backward_sums,
  batch_norm_forward,
  batch_norm_statistics,
  batch_norm_statistics_merge,
  batch_norm_statistics_merge_alone,
} from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";
import { addOp } from "../elementwise/add.ts";
import { checkFusable, isFusable, withActivation } from "../elementwise/fused-activation.ts";

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
  /** Applied last; with a residual one of identity, ReLU, leaky ReLU, tanh or sigmoid (`isFusable`). */
  readonly activation?: Activation;
}

type In = {
  x: Tensor;
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
  residual?: Tensor | undefined;
};
type Out = { y: Tensor; mean: Tensor; variance: Tensor };
type Node = OpNode<In, BatchNorm, Out>;

const rowsOf = (x: Tensor): number => x.shape.slice(0, -1).reduce((a, b) => a * b, 1);

/** Invocations that keep all threads of a CPU busy, and few enough rows for each that sums lose no digits. */
const ENOUGH_FOR_CPU = 2048;

/**
 * Parts of a reduction over rows: work for a whole GPU, and few enough not to cost more than the rows. On a CPU
 * every part more is only more to merge.
 */
function reductionParts(rows: number, columns: number, device: Capabilities): number {
  const invocations = isCpu(device) ? ENOUGH_FOR_CPU : 32768;
  return Math.max(1, Math.min(Math.floor(invocations / columns), Math.ceil(rows / 16)));
}

/** Parts of an elementwise pass: about 8 rows each, which share what is read once a channel; on a CPU up to 32. */
function passParts(rows: number, columns: number, device: Capabilities): number {
  const parts = Math.ceil(rows / 8);
  if (!isCpu(device)) return parts;
  return Math.min(parts, Math.max(Math.ceil(rows / 32), Math.ceil(ENOUGH_FOR_CPU / columns)));
}

/** Invocations that merge the parts of one vec4 of channels: about 8 parts each, and at most a workgroup. */
const mergeLanes = (parts: number, device: Capabilities): number =>
  isCpu(device) ? 1 : Math.min(64, 2 ** Math.floor(Math.log2(Math.max(1, parts / 8))));

/** Workgroups of a merge. */
const mergeGroups = (columns: number, lanes: number) => [Math.ceil((columns * lanes) / 64), 1, 1] as const;

/** Where a kernel writes a gradient, and its flag: 0 nobody wants it, 1 `=`, 2 `+=`. */
function target(emit: BackwardEmitter, input: Tensor | undefined): [tensor: Tensor, flag: number] {
  if (!emit.wants(input)) return [emit.temporary("unwanted", [4]), 0];
  const { tensor, accumulate } = emit.into(input);
  return [tensor, accumulate + 1];
}

/** Mean and variance of the batch, which the running ones follow. */
function emitStatistics(emit: Emitter, { inputs, attrs, outputs }: Node): void {
  const { x, runningMean: running_mean, runningVar: running_var } = inputs;
  const { mean, variance } = outputs;
  const C = x.shape.at(-1)!;
  const columns = pad4(C) / 4;
  const ROWS = rowsOf(x);
  const PARTS = reductionParts(ROWS, columns, emit.device);
  const LANES = mergeLanes(PARTS, emit.device);
  const partial = emit.temporary("partial", [2, PARTS, C]);
  const constants = { ROWS, C, PARTS };
  const workgroups = grid(PARTS * columns, batch_norm_statistics);
  emit.dispatch(batch_norm_statistics, { x, partial }, constants, workgroups);
  emit.dispatch(
    isCpu(emit.device) ? batch_norm_statistics_merge_alone : batch_norm_statistics_merge,
    { x, partial, mean, variance, running_mean, running_var },
    { ...constants, LANES, MOMENTUM: attrs.momentum },
    mergeGroups(columns, LANES),
  );
}

/** y from mean and variance. */
function emitNormalise(emit: Emitter, { inputs, attrs, outputs: { y, mean, variance } }: Node): void {
  const { x, weight, bias, residual } = inputs;
  const C = x.shape.at(-1)!;
  const columns = pad4(C) / 4;
  const ROWS = rowsOf(x);
  const PARTS = passParts(ROWS, columns, emit.device);
  emit.dispatch(
    batch_norm_forward,
    { x, residual: residual ?? weight, mean, variance, weight, bias, y },
    {
      ROWS,
      C,
      PARTS,
      EPS: attrs.eps,
      RESIDUAL: residual ? 1 : 0,
      ...activationConstants(attrs.activation ?? IDENTITY),
    },
    grid(PARTS * columns, batch_norm_forward),
  );
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
export const batchNormOp: Op<In, BatchNorm, Out> = {
  name: "batch_norm",
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
    if (mode === "train" && rowsOf(x) === 1) {
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

  backward(emit, { inputs: { x, weight, bias, residual }, attrs, outputs: { y, mean, variance } }) {
    const C = x.shape.at(-1)!;
    const columns = pad4(C) / 4;
    const ROWS = rowsOf(x);
    const train = attrs.mode === "train";
    const { activation = IDENTITY } = attrs;
    const linear = activation.name === "identity";
    const dy = emit.gradient(y);
    // The residual itself is not read, so that it need not be kept; nor is y where the gradient does not depend on it.
    const RESIDUAL = residual && !linear ? 1 : 0;
    // No temporary in its place, so that all temporaries that are bound may lie on one slab.
    const output = RESIDUAL ? y : weight;
    const shared = { ROWS, C, RESIDUAL, ...activationConstants(activation) };

    // Frozen statistics with frozen weight and bias leave nothing to sum.
    const sums = emit.wants(weight) || emit.wants(bias) || (train && emit.wants(x));
    const passes = linear && emit.wants(residual);
    const elements = emit.wants(x) || (emit.wants(residual) && !passes);
    const coefficients = emit.temporary("coefficients", [5, C]);
    if (sums || elements) {
      const PARTS = sums ? reductionParts(ROWS, columns, emit.device) : 0;
      const LANES = mergeLanes(PARTS, emit.device);
      const partial = sums ? emit.temporary("partial", [2, PARTS, C]) : mean;
      if (sums) {
        emit.dispatch(
          batch_norm_backward_sums,
          { x, y: output, dy, mean, variance, weight, bias, partial },
          { ...shared, PARTS, EPS: attrs.eps },
          grid(PARTS * columns, batch_norm_backward_sums),
        );
      }
      const [dweight, DWEIGHT] = target(emit, weight);
      const [dbias, DBIAS] = target(emit, bias);
      emit.dispatch(
        isCpu(emit.device) ? batch_norm_backward_merge_alone : batch_norm_backward_merge,
        { partial, mean, variance, weight, bias, coefficients, dweight, dbias },
        { C, PARTS, LANES, EPS: attrs.eps, INVERSE_ROWS: train ? 1 / ROWS : 0, DWEIGHT, DBIAS },
        mergeGroups(columns, LANES),
      );
    }
    if (elements) {
      const PARTS = passParts(ROWS, columns, emit.device);
      const [dx, DX] = target(emit, x);
      const [dresidual, DRESIDUAL] = target(emit, passes ? undefined : residual);
      emit.dispatch(
        batch_norm_backward,
        { x, y: output, dy, coefficients, dx, dresidual },
        { ...shared, PARTS, DX, DRESIDUAL },
        grid(PARTS * columns, batch_norm_backward),
      );
    }
    if (passes) emit.pass(residual, dy);
  },
  fuse: (node, next) =>
    withResidual(node, next) ??
    withActivation(node, next, (activation) => !node.inputs.residual || isFusable(activation)),
};

/** A batch norm with what is added to its y in the next node. */
function withResidual(
  { op, inputs, attrs, outputs: { y } }: OpNode<In, BatchNorm, Out>,
  next: OpNode,
): Fused | undefined {
  if (!isNode(next, addOp) || attrs.activation || inputs.residual) return undefined;
  const { a, b } = next.inputs;
  const residual = a === y ? b : a;
  if (residual === inputs.x) return undefined;
  return { op, inputs: { ...inputs, residual }, attrs: { ...attrs, ...next.attrs } };
}

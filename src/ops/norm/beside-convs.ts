/**
 * Batch norms of which a part is done by the nodes beside them, in training on a GPU: so less goes through memory. The
 * convolution before one may leave moments of its output; what follows may normalise as it loads, and y is not written.
 */
import { type Emitter, isNode, type Op, type OpNode } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { batch_norm_statistics_merge } from "../../kernel/shaders.gen.ts";
import { IDENTITY } from "../elementwise/activation.ts";
import { emitBest } from "../tunable.ts";
import {
  type BatchNorm,
  type BatchNormInputs,
  type BatchNormOutputs,
  batchNormOp,
  emitBatchNormGradients,
  emitStatistics,
  rowsOf,
} from "./batch-norm.ts";
import { BATCH_NORM_FORWARD } from "./batch-norm-forward.ts";
import { emitMergedSums, type Target } from "./batch-norm-gradients.ts";
import { lanesFor, mergeGroups } from "./rows.ts";

interface BesideAttrs extends BatchNorm {
  /** Rows of each part of `partial`. */
  readonly partRows?: number;
  /** The first pass of its gradient, if the node that takes y does it. */
  readonly sums?: BatchNormSums;
}

/** Σ dz and Σ dz (x − mean) of a batch norm, which the convolution that is the last to add to its gradient sums up. */
export interface BatchNormSums {
  /** (2, parts, C). */
  readonly partial: Tensor;
  /** Factor of the activation for negative numbers. */
  readonly slope: number;
  /** Whether the gradient before the activation is to be written in place: with a residual. */
  readonly joined: boolean;
  /** Set when it is emitted: not every node is differentiated. */
  emitted: boolean;
}

/**
 * `partial` (2, parts, C) are moments of x, of which mean and variance are merged. `rawResidual` is what the residual is
 * normalised from, by `residualNorm` (5, C), as it is loaded; the residual itself is not read then.
 */
type BesideInputs = BatchNormInputs & {
  partial?: Tensor | undefined;
  rawResidual?: Tensor | undefined;
  residualNorm?: Tensor | undefined;
};
/** `coefficients` (5, C): what it takes to normalise x, if y is not written. */
type BesideOutputs = BatchNormOutputs & { coefficients?: Tensor | undefined };
type Node = OpNode<BesideInputs, BesideAttrs, BesideOutputs>;

const base = batchNormOp as Pick<Op<BesideInputs, BesideAttrs, BesideOutputs>, "name" | "infer">;

/** A batch norm whose moments or residual come from the nodes before it. */
const besideOp: Op<BesideInputs, BesideAttrs, BesideOutputs> = {
  ...base,
  views: batchNormOp.views!,
  forward(emit, node) {
    emitMoments(emit, node);
    emitNormalise(emit, node);
  },
  again: { keeps: ["mean", "variance"], forward: emitNormalise },
  backward(emit, node) {
    const { sums } = node.attrs;
    emitBatchNormGradients(emit, node, sums?.emitted ? sums.partial : undefined);
  },
};

/** A batch norm that writes no y: who takes it normalises x by `coefficients`. */
const deferredOp: Op<BesideInputs, BesideAttrs, BesideOutputs> = {
  ...besideOp,
  unwritten: ["y"],
  forward(emit, node) {
    emitMoments(emit, node);
    emitCoefficients(emit, node);
  },
  again: { keeps: ["mean", "variance", "coefficients"], forward() {} },
};

function emitMoments(emit: Emitter, node: Node): void {
  const { mode } = node.attrs;
  const { partial } = node.inputs;
  if (mode !== "train") return;
  if (partial) emitMerge(emit, node, partial);
  else emitStatistics(emit, node);
}

function emitMerge(emit: Emitter, { inputs, attrs, outputs }: Node, partial: Tensor): void {
  const { x, runningMean: running_mean, runningVar: running_var } = inputs;
  const { mean, variance } = outputs;
  const { momentum: MOMENTUM, partRows: PART_ROWS = 0 } = attrs;
  const rows = rowsOf(x);
  const PARTS = partial.shape[1]!;
  const LANES = lanesFor(PARTS);
  emit.dispatch(
    batch_norm_statistics_merge,
    // The mean of the first part is near that of all.
    { x: { ...partial, shape: [1, rows.C] }, partial, mean, variance, running_mean, running_var },
    { ...rows, PARTS, PART_ROWS, LANES, MOMENTUM },
    mergeGroups(rows, LANES),
  );
}

function emitNormalise(emit: Emitter, { inputs, attrs, outputs: { y, mean, variance } }: Node): void {
  const { x, weight, bias, rawResidual, residual, residualNorm } = inputs;
  const { eps, activation = IDENTITY } = attrs;
  const settings = { eps, activation, residual: rawResidual ?? residual, residualNorm };
  emitBest(BATCH_NORM_FORWARD, emit, rowsOf(x), { x, mean, variance, weight, bias, y }, settings);
}

/** The coefficients of the gradient without any sums: mean, scale and bias. */
function emitCoefficients(emit: Emitter, { inputs, attrs, outputs }: Node): void {
  const { x, weight, bias } = inputs;
  const { mean, variance, coefficients } = outputs;
  const unwanted = (): Target => [emit.temporary("unwanted", [4]), 0];
  const none = { partial: undefined, LANES: 1, merge: "single", WHOLE: 1 } as const;
  const results = { coefficients: coefficients!, dweight: unwanted(), dbias: unwanted() };
  const settings = { eps: attrs.eps, train: false };
  emitMergedSums(emit, rowsOf(x), none, { mean, variance, weight, bias }, results, settings);
}

const ops: readonly unknown[] = [batchNormOp, besideOp, deferredOp];

/** A node as a batch norm that the nodes beside it may do a part of; undefined if it is none. */
export function asBatchNorm(node: OpNode): Node | undefined {
  if (!ops.includes(node.op)) return undefined;
  const norm = node as unknown as Node;
  return isNode(node, batchNormOp) ? { ...norm, op: besideOp } : norm;
}

/** The batch norm with moments of x, `partRows` rows a part. */
export const withPartial = (norm: Node, partial: Tensor, partRows: number): OpNode =>
  ({
    ...norm,
    inputs: { ...norm.inputs, partial },
    attrs: { ...norm.attrs, partRows },
  }) as unknown as OpNode;

/** The batch norm with a residual that is normalised from `raw` as it is loaded. */
export const withRawResidual = (norm: Node, raw: Tensor, coefficients: Tensor): OpNode =>
  ({
    ...norm,
    inputs: { ...norm.inputs, rawResidual: raw, residualNorm: coefficients },
  }) as unknown as OpNode;

/** The batch norm whose gradient has its first pass done elsewhere. */
export const withSums = (norm: Node, sums: BatchNormSums): OpNode =>
  ({ ...norm, attrs: { ...norm.attrs, sums } }) as unknown as OpNode;

/** The batch norm without y, and what it takes to compute y from x. */
export function deferred(norm: Node): {
  readonly node: OpNode;
  readonly raw: Tensor;
  readonly coefficients: Tensor;
} {
  const { x } = norm.inputs;
  const name = `${norm.outputs.y.name}.coefficients`;
  const coefficients = x.graph.tensor(name, [5, x.shape.at(-1)!], { role: "temporary" });
  const node = { ...norm, op: deferredOp, outputs: { ...norm.outputs, coefficients } };
  return { node: node as unknown as OpNode, raw: x, coefficients };
}

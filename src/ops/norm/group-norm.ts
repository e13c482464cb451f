import { ShapeError } from "../../base/errors.ts";
import type { BackwardEmitter, Emitter, Op, OpNode, TensorSpec } from "../../graph/op.ts";
import { NUMBER } from "../../graph/takes.ts";
import { describe, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import { group_norm_backward, group_norm_forward, group_norm_weight_sums } from "../../kernel/shaders.gen.ts";
import { emitSplitSum } from "../conv/split-sum.ts";
import { emitBest } from "../tunable.ts";
import { GROUP_MEANS, GROUP_STATISTICS, type Groups } from "./group-norm-passes.ts";
import { partsFor } from "./rows.ts";

export interface GroupNorm {
  /** Into how many groups the channels are divided. */
  readonly groups: number;
  readonly eps: number;
}

type In = {
  x: Tensor;
  /** (C). */
  weight: Tensor;
  /** (C). */
  bias: Tensor;
};
type Out = { y: Tensor; moments: Tensor };

const INPUTS = { x: "required", weight: "required", bias: "required" } as const;

/**
 * y = (x − mean) / √(variance + eps) · weight + bias, where each group of channels of each image has a mean and a variance,
 * over all its pixels. x, y (N, …, C), weight and bias (C). `moments` holds them for the gradient. Wu and He 2018.
 */
export const groupNormOp: Op<In, GroupNorm, Out> = {
  name: "group_norm",
  takes: { inputs: INPUTS, options: { groups: NUMBER, eps: NUMBER } },
  infer(inputs, { groups, eps }) {
    const C = inputs.x.shape.at(-1)!;
    if (!Number.isInteger(groups) || groups < 1 || C % groups !== 0) {
      const given = `groups ${groups}, ${describe(inputs.x)}`;
      throw new ShapeError("group_norm", `C=${C} must be divisible by groups`, given);
    }
    return specs("group_norm", inputs, ofGroups(inputs.x, groups), eps);
  },
  forward: (emit, node) => emitForward(emit, node, ofGroups(node.inputs.x, node.attrs.groups)),
  backward: (emit, node) => emitBackward(emit, node, ofGroups(node.inputs.x, node.attrs.groups)),
};

/**
 * The same with a mean and a variance of the channels of each pixel: x, y (…, C), weight and bias (C). Ba, Kiros and Hinton,
 * "Layer Normalization", 2016; over channels alone as in ConvNeXt.
 */
export const layerNormOp: Op<In, Pick<GroupNorm, "eps">, Out> = {
  name: "layer_norm",
  takes: { inputs: INPUTS, options: { eps: NUMBER } },
  infer: (inputs, { eps }) => specs("layer_norm", inputs, ofPixels(inputs.x), eps),
  forward: (emit, node) => emitForward(emit, node, ofPixels(node.inputs.x)),
  backward: (emit, node) => emitBackward(emit, node, ofPixels(node.inputs.x)),
};

const rowsOf = ({ shape }: Tensor): number => storedLength(shape) / pad4(shape.at(-1)!);

function ofGroups(x: Tensor, GROUPS: number): Groups {
  const N = x.shape[0]!;
  return { N, PIXELS: rowsOf(x) / N, C: x.shape.at(-1)!, GROUPS };
}

const ofPixels = (x: Tensor): Groups => ({ N: rowsOf(x), PIXELS: 1, C: x.shape.at(-1)!, GROUPS: 1 });

function specs(
  operation: string,
  { x, weight, bias }: In,
  { N, C, GROUPS }: Groups,
  eps: number,
): Record<keyof Out, TensorSpec> {
  if (![weight, bias].every(({ shape }) => shape.join() === `${C}`)) {
    const given = [x, weight, bias].map(describe).join(", ");
    throw new ShapeError(operation, `expects a weight and a bias of (${C})`, given);
  }
  if (!(eps > 0)) throw new ShapeError(operation, "eps must be positive", String(eps));
  return { y: { shape: x.shape, dtype: x.storage.dtype }, moments: { shape: [N * GROUPS, 4] } };
}

type Node = Pick<OpNode<In, Pick<GroupNorm, "eps">, Out>, "inputs" | "attrs" | "outputs">;

function emitForward(emit: Emitter, { inputs, attrs, outputs: { y, moments } }: Node, groups: Groups): void {
  const { x, weight, bias } = inputs;
  emitBest(GROUP_STATISTICS, emit, groups, { x, moments }, attrs.eps);
  const { N, ...constants } = groups;
  const LENGTH = storedLength(y.shape) / 4;
  const bindings = { x, moments, weight, bias, y };
  emit.dispatch(group_norm_forward, bindings, { LENGTH, ...constants }, grid(LENGTH, group_norm_forward));
}

function emitBackward(
  emit: BackwardEmitter,
  { inputs, outputs: { y, moments } }: Node,
  groups: Groups,
): void {
  const { x, weight, bias } = inputs;
  const { N, ...constants } = groups;
  const dy = emit.gradient(y);
  if (emit.wants(weight) || emit.wants(bias)) {
    const { C } = groups;
    const ROWS = rowsOf(x);
    const PARTS = partsFor({ ROWS, C }, isCpu(emit.device) ? "few" : "many");
    const of_weight = emit.temporary("of_weight", [PARTS, C]);
    const of_bias = emit.temporary("of_bias", [PARTS, C]);
    const workgroups = grid((PARTS * pad4(C)) / 4, group_norm_weight_sums);
    const bindings = { x, dy, moments, of_weight, of_bias };
    emit.dispatch(group_norm_weight_sums, bindings, { ...constants, ROWS, PARTS }, workgroups);
    if (emit.wants(weight)) emitSplitSum(emit, of_weight, PARTS, emit.into(weight));
    if (emit.wants(bias)) emitSplitSum(emit, of_bias, PARTS, emit.into(bias));
  }
  if (!emit.wants(x)) return;
  const means = emit.temporary("means", moments.shape);
  emitBest(GROUP_MEANS, emit, groups, { x, dy, moments, weight, means });
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  const LENGTH = storedLength(x.shape) / 4;
  const bindings = { x, dy, moments, weight, means, dx };
  const workgroups = grid(LENGTH, group_norm_backward);
  emit.dispatch(group_norm_backward, bindings, { LENGTH, ...constants, ACCUMULATE }, workgroups);
}

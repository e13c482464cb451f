/**
 * What training saves of memory traffic on a GPU, where batch norms are most of it, by letting nodes beside each other do
 * a part of each other's work. On an emulated GPU, whose time goes into arithmetic, kernels stay as they are.
 */
import type { Fusion } from "../graph/fusion.ts";
import type { Graph } from "../graph/graph.ts";
import { isCpu } from "../kernel/capabilities.ts";
import { withBatchNormSums, withMoments, withNormalised } from "./conv/beside-norms.ts";
import type { Activation } from "./elementwise/activation.ts";
import { asBatchNorm, deferred, withPartial, withRawResidual, withSums } from "./norm/beside-convs.ts";

/** A convolution leaves the moments of its y for the batch norm after it. */
const leaveMoments: Fusion = (node, next) => {
  const norm = asBatchNorm(next);
  if (norm?.attrs.mode !== "train" || norm.inputs.x !== node.outputs.y) return undefined;
  const conv = withMoments(node);
  return conv && [conv.node, withPartial(norm, conv.node.outputs.partial!, conv.partRows)];
};

/** A convolution normalises its input as it loads it, and the batch norm before it writes nothing. */
const normaliseInConvolution: Fusion = (node, next, alone) => {
  if (!alone) return undefined;
  const norm = asBatchNorm(node);
  const slope = slopeOf(norm?.attrs.activation);
  if (!norm || norm.inputs.residual || slope === undefined || next.inputs.x !== node.outputs.y)
    return undefined;
  const { node: without, ...input } = deferred(norm);
  const conv = withNormalised(next, { ...input, slope });
  return conv && [without, conv];
};

/** A batch norm normalises its residual as it loads it, as after the convolution of a shortcut. */
const normaliseResidual: Fusion = (node, next, alone) => {
  if (!alone) return undefined;
  const [norm, sum] = [asBatchNorm(node), asBatchNorm(next)];
  if (!norm || norm.inputs.residual || slopeOf(norm.attrs.activation) !== 1) return undefined;
  if (!sum || sum.inputs.residual !== norm.outputs.y) return undefined;
  const { node: without, raw, coefficients } = deferred(norm);
  return [without, withRawResidual(sum, raw, coefficients)];
};

/** A convolution sums up the gradient that it is the last to add to, for the batch norm that it arrives at. */
const sumInGradient: Fusion = (node, next) => {
  const norm = asBatchNorm(node);
  if (!norm || next.inputs.x !== norm.outputs.y) return undefined;
  const { inputs, outputs, attrs } = norm;
  const { x, weight, bias, residual } = inputs;
  const slope = slopeOf(attrs.activation);
  const sums = weight.requiresGrad || bias.requiresGrad || (attrs.mode === "train" && x.requiresGrad);
  if (slope === undefined || !sums) return undefined;
  const joined = residual !== undefined && slope !== 1;
  const coefficients = joined ? outputs.mean : outputs.coefficients;
  const conv = coefficients && withBatchNormSums(next, { raw: x, norm: coefficients, slope, joined });
  return conv && [withSums(norm, conv.sums), conv.node];
};

/** The factor for negative numbers of an activation that leaves others alone; undefined for any other activation. */
function slopeOf({ name, alpha = 0 }: Activation = { name: "identity" }): number | undefined {
  return { identity: 1, relu: 0, leaky_relu: alpha }[name as string];
}

/** What is barred on a device that computes wrong with them, by its only variant. */
export const FUSIONS = { task: { op: "training", pass: "fusions", key: {} }, variant: "all" } as const;

/** The fusions of a graph's nodes that pay on its device. */
export const fusionsFor = ({ mode, device }: Graph): readonly Fusion[] =>
  mode === "train" && !isCpu(device) && device.allows?.(FUSIONS.task, FUSIONS.variant) !== false
    ? [leaveMoments, normaliseInConvolution, normaliseResidual, sumInGradient]
    : [];

/**
 * Convolutions beside batch norms, of which training on a GPU makes one computation in two nodes: less goes through memory.
 * A convolution normalises and activates its input while it loads it, so that the batch norm before it writes no y; and
 * it leaves the moments of its output for the batch norm after it, which then does not read it for them. The gradient of
 * its input is that of the batch norm before it, and leaves sums for that one's own gradient.
 *
 * Only kernels that share through workgroup memory do this, and only those that nothing is better than without it:
 * each value that is loaded serves many products there, so that normalising it costs little.
 */
import type { Geometry } from "../../base/window.ts";
import { isNode, type Op, type OpNode } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Capabilities } from "../../kernel/capabilities.ts";
import {
  conv2d_forward_between_variants,
  conv2d_grad_input_sums_variants,
  conv2d_grad_weight_after_variants,
} from "../../kernel/variants.gen.ts";
import { type Activation, activationConstants, IDENTITY } from "../elementwise/activation.ts";
import type { BatchNormSums } from "../norm/beside-convs.ts";
import { best, emitBest, type VariantInfo } from "../tunable.ts";
import { CONV_FORWARD, type ForwardArgs, forwardProduct } from "./conv-forward.ts";
import {
  CONV_GRAD_INPUT,
  CONV_GRAD_WEIGHT,
  emitInSplits,
  type GradInputArgs,
  type GradWeightArgs,
  gradInputConstants,
  gradInputProduct,
  gradWeightProduct,
} from "./conv-gradients.ts";
import {
  type Conv2dAttrs,
  type Conv2dInputs,
  type Conv2dOutputs,
  conv2dOp,
  emitConv2dGradients,
  geometryOf,
} from "./conv2d.ts";
import { tileVariants } from "./register-tiles.ts";

/** How the input is normalised as it is loaded. */
interface Normalised {
  /** Factor of the activation for negative numbers. */
  readonly slope: number;
}

export interface BesideAttrs extends Conv2dAttrs {
  readonly normalised?: Normalised;
  /** Those of the batch norm before it, which the gradient of x leaves. */
  readonly sums?: BatchNormSums;
}

/**
 * With `normalised`, x is f((raw − mean) scale + bias) and is never read: `raw` has its shape, and `coefficients` (5, C)
 * are mean, scale and bias, as batch_norm_backward_merge.wgsl defines them.
 */
export type BesideInputs = Conv2dInputs & {
  raw?: Tensor | undefined;
  coefficients?: Tensor | undefined;
  /** With `sums`: the input of the batch norm before it, and its mean or what `coefficients` are. */
  sumsRaw?: Tensor | undefined;
  sumsNorm?: Tensor | undefined;
};
/** `partial` (2, parts, K): moments of y, as batch_norm_statistics_merge.wgsl takes them, of `partRows` rows each. */
export type BesideOutputs = Conv2dOutputs & { partial?: Tensor | undefined };

type Node = OpNode<BesideInputs, BesideAttrs, BesideOutputs>;

type BetweenArgs = [
  tensors: ForwardArgs[0] & Pick<BesideInputs, "coefficients"> & Pick<BesideOutputs, "partial">,
  slope: number,
  activation: Activation,
];
type AfterArgs = [
  tensors: GradWeightArgs[0] & { readonly coefficients: Tensor },
  target: GradWeightArgs[1],
  slope: number,
];

type SumsArgs = [
  tensors: GradInputArgs[0] & Readonly<Record<"raw" | "after" | "coefficients", Tensor>>,
  target: GradInputArgs[1],
  sums: BatchNormSums,
];

const FORWARD = /* @__PURE__ */ tileVariants(
  conv2d_forward_between_variants,
  forwardProduct,
  (
    emit,
    geometry,
    { kernel, workgroups },
    ...[{ x, w, bias, coefficients, y, partial }, SLOPE, activation]: BetweenArgs
  ) => {
    const constants = {
      ...{ ...geometry, SPLITS: 1, HAS_BIAS: bias ? 1 : 0, ...activationConstants(activation) },
      ...{ NORMALISED: coefficients ? 1 : 0, SLOPE, MOMENTS: partial ? 1 : 0 },
    };
    const read = { x, w, bias: bias ?? w, coefficients: coefficients ?? w };
    const written = { y, partial: partial ?? emit.temporary("unwanted", [4]) };
    emit.dispatch(kernel, { ...read, ...written }, constants, workgroups);
  },
);

const GRAD_WEIGHT = /* @__PURE__ */ tileVariants(
  conv2d_grad_weight_after_variants,
  gradWeightProduct,
  (
    emit,
    geometry,
    { kernel, splits, workgroups },
    ...[{ x, dy, coefficients }, target, SLOPE]: AfterArgs
  ) => {
    emitInSplits(emit, splits, target, (dw, ACCUMULATE) => {
      const constants = { ...geometry, SPLITS: splits, ACCUMULATE, SLOPE };
      emit.dispatch(kernel, { x, dy, coefficients, dw }, constants, workgroups);
    });
  },
);

const GRAD_INPUT = /* @__PURE__ */ tileVariants(
  conv2d_grad_input_sums_variants,
  gradInputProduct,
  (
    emit,
    geometry,
    { kernel, workgroups },
    ...[{ dy, w, raw, after, coefficients }, { tensor: dx, accumulate }, sums]: SumsArgs
  ) => {
    const { partial, slope: SLOPE, joined } = sums;
    const constants = { ...gradInputConstants(geometry, accumulate), SLOPE, RESIDUAL: joined ? 1 : 0 };
    // Without a residual z is computed again.
    const read = { dy, w, raw, after: joined ? after : raw, coefficients };
    emit.dispatch(kernel, { ...read, dx, partial }, constants, workgroups);
    sums.emitted = true;
  },
);

/** A convolution whose input is normalised as it is loaded, or which leaves moments of its output, or both. */
const besideOp: Op<BesideInputs, BesideAttrs, BesideOutputs> = {
  ...(conv2dOp as Pick<Op<BesideInputs, BesideAttrs, BesideOutputs>, "name" | "infer">),
  forward(emit, { inputs, attrs, outputs: { y, partial } }) {
    const { x, weight: w, bias, raw = x, coefficients } = inputs;
    const { normalised, activation = IDENTITY } = attrs;
    const geometry = geometryOf(inputs, attrs);
    if (!coefficients && !partial) {
      emitBest(CONV_FORWARD, emit, geometry, { x, w, bias, y }, activation);
      return;
    }
    const tensors = { x: raw, w, bias, coefficients, y, partial };
    forwardFor(geometry, emit.device)!.emit(emit, geometry, tensors, normalised?.slope ?? 1, activation);
  },
  backward(emit, node) {
    const { x, weight: w, raw = x, coefficients, sumsRaw, sumsNorm } = node.inputs;
    const { normalised, sums } = node.attrs;
    emitConv2dGradients(
      emit,
      node,
      (geometry, dy, target) => {
        if (normalised && coefficients) {
          const tensors = { x: raw, dy, coefficients };
          gradWeightFor(geometry, emit.device)!.emit(emit, geometry, tensors, target, normalised.slope);
        } else emitBest(CONV_GRAD_WEIGHT, emit, geometry, { x, dy }, target);
      },
      sums &&
        ((geometry, dy, target) => {
          const tensors = { dy, w, raw: sumsRaw!, after: x, coefficients: sumsNorm! };
          gradInputFor(geometry, emit.device)!.emit(emit, geometry, tensors, target, sums);
        }),
    );
  },
};

/** Of versions of a pass's variants that of one of them or, where there is none, that of the one that it varies. */
function versionOf<V extends VariantInfo>(
  { name, varies }: VariantInfo,
  versions: readonly V[],
): V | undefined {
  const named = (wanted: string | undefined) => versions.find((version) => version.name === wanted);
  return named(name) ?? named(varies);
}

/** The best forward pass in a version that does all this; undefined if there is none. */
function forwardFor(geometry: Geometry, device: Capabilities) {
  const version = versionOf(best(CONV_FORWARD, geometry, device), FORWARD.variants);
  // What is divided is finished elsewhere.
  return version?.splits(geometry, device) === 1 ? version : undefined;
}

function gradWeightFor(geometry: Geometry, device: Capabilities) {
  return versionOf(best(CONV_GRAD_WEIGHT, geometry, device), GRAD_WEIGHT.variants);
}

function gradInputFor(geometry: Geometry, device: Capabilities) {
  // With a stride, workgroups have not stored rows that follow each other.
  const dense = geometry.STRIDE_H * geometry.STRIDE_W === 1;
  return dense ? versionOf(best(CONV_GRAD_INPUT, geometry, device), GRAD_INPUT.variants) : undefined;
}

/** A node as a convolution that may be beside batch norms; undefined if it is none. */
function asBeside(node: OpNode): Node | undefined {
  const conv = node as unknown as Node;
  const isConv = isNode(node, conv2dOp) || node.op === (besideOp as unknown as OpNode["op"]);
  return isConv && conv.attrs.groups === 1 ? { ...conv, op: besideOp } : undefined;
}

/** The convolution with moments of its y, and the rows of a part of them; undefined if no kernel gives them. */
export function withMoments(node: OpNode): { readonly node: OpNode; readonly partRows: number } | undefined {
  const conv = asBeside(node);
  if (!conv) return undefined;
  const { y } = conv.outputs;
  const { graph, name, shape } = y;
  const geometry = geometryOf(conv.inputs, conv.attrs);
  const partRows = forwardFor(geometry, graph.device)?.rows;
  if (!partRows) return undefined;
  const parts = Math.ceil((geometry.N * geometry.P * geometry.Q) / partRows);
  const partial = graph.tensor(`${name}.partial`, [2, parts, shape.at(-1)!], { role: "temporary" });
  return { node: { ...conv, outputs: { ...conv.outputs, partial } } as unknown as OpNode, partRows };
}

/** The convolution with x normalised as it is loaded from `raw`; undefined if a kernel that it needs cannot do it. */
export function withNormalised(
  node: OpNode,
  input: { readonly raw: Tensor; readonly coefficients: Tensor; readonly slope: number },
): OpNode | undefined {
  const conv = asBeside(node);
  if (!conv) return undefined;
  const { raw, coefficients, slope } = input;
  const { device } = raw.graph;
  const geometry = geometryOf(conv.inputs, conv.attrs);
  const trains = conv.inputs.weight.requiresGrad;
  if (!forwardFor(geometry, device) || (trains && !gradWeightFor(geometry, device))) return undefined;
  return {
    ...conv,
    inputs: { ...conv.inputs, raw, coefficients },
    attrs: { ...conv.attrs, normalised: { slope } },
  } as unknown as OpNode;
}

/**
 * The convolution that is the last to add to the gradient of x, with the sums of the batch norm that gives x: of its input
 * `raw`, with `norm` its mean or, without `joined`, mean, scale and bias. Undefined if no kernel sums them up.
 */
export function withBatchNormSums(
  node: OpNode,
  input: Pick<BatchNormSums, "slope" | "joined"> & { readonly raw: Tensor; readonly norm: Tensor },
): { readonly node: OpNode; readonly sums: BatchNormSums } | undefined {
  const conv = asBeside(node);
  if (!conv) return undefined;
  const { raw, norm, slope, joined } = input;
  const geometry = geometryOf(conv.inputs, conv.attrs);
  const rows = gradInputFor(geometry, raw.graph.device)?.rows;
  if (!rows) return undefined;
  const { N, H, W, C } = geometry;
  const parts = Math.ceil((N * H * W) / rows);
  const partial = raw.graph.tensor(`d(${conv.inputs.x.name}).partial`, [2, parts, C], { role: "temporary" });
  const sums = { partial, slope, joined, emitted: false };
  const inputs = { ...conv.inputs, sumsRaw: raw, sumsNorm: norm };
  return { node: { ...conv, inputs, attrs: { ...conv.attrs, sums } } as unknown as OpNode, sums };
}

/**
 * Values in (N, H, W, C) order, between a Transpose from (N, C, H, W) and one back, as converters from TensorFlow leave them:
 * nodes that take them are rewritten for (N, C, H, W), so that pairs of Transposes disappear.
 */
import { tensorOf } from "./fold.ts";
import type { OnnxImporter } from "./importer.ts";
import type { OnnxNode, OnnxTensor } from "./model-proto.ts";

/** The `perm` of a Transpose from (N, H, W, C) to (N, C, H, W), and of one back. */
export const TO_CHANNELS_FIRST = "0,3,1,2";
export const TO_CHANNELS_LAST = "0,2,3,1";

/** Operators of one value, in any order of its axes. */
const UNARY = new Set([
  ...[
    "Identity",
    "Cast",
    "Dropout",
    "Relu",
    "LeakyRelu",
    "PRelu",
    "HardSwish",
    "HardSigmoid",
    "Clip",
    "Softplus",
  ],
  ...["Elu", "Sigmoid", "Tanh", "Gelu"],
]);
/** Operators of values in the same order of axes. */
const ALIKE = new Set(["Add", "Sub", "Mul", "Div", "Sum", "Mean"]);
/** Operators along axes, which they name. */
const ALONG = new Set(["Concat", "Squeeze", "ReduceMean", "ReduceMax", "LayerNormalization"]);
/** Operators that make (N, features) in the order in which values lie. */
const FLATTENING = new Set(["Flatten", "Reshape"]);

/** Where the axes N, H, W and C are in (N, C, H, W). */
const AXES: readonly number[] = [0, 2, 3, 1];
const firstAxis = (axis: number): number => AXES[axis < 0 ? axis + 4 : axis] ?? axis;

/**
 * The node, or the same for values in (N, C, H, W) order if it takes some that are not. `fail` is called with the reason if
 * that cannot be read.
 */
export function channelsFirst(node: OnnxNode, into: OnnxImporter, fail: (reason: string) => never): OnnxNode {
  const { op, inputs, outputs } = node;
  const isConstant = (name: string): boolean => name === "" || into.constant(name) !== undefined;
  const flat = inputs.find((name) => into.flatExtents(name));
  if (flat !== undefined) {
    if (UNARY.has(op)) into.declareFlat(outputs[0]!, into.flatExtents(flat)!);
    else if (op !== "MatMul" && op !== "Gemm") {
      fail(`takes "${flat}", a map flattened in (H, W, C) order, which only dense layers may follow`);
    }
    return node;
  }
  const last = inputs.find((name) => into.channelsFirst(name));
  if (last === undefined || op === "Transpose" || op === "Shape") return node;
  const rewritten = {
    ...node,
    inputs: inputs.map((name) => into.channelsFirst(name) ?? constantFirst(name, into)),
  };
  const declared = (): OnnxNode => ({
    ...rewritten,
    outputs: [into.declareChannelsLast(outputs[0]!), ...outputs.slice(1)],
  });
  if (FLATTENING.has(op)) {
    const [, C, H, W] = into.shapeOf(into.value(into.channelsFirst(last)!)!) as [
      number,
      number,
      number,
      number,
    ];
    if (H * W > 1 && C > 1) into.declareFlat(outputs[0]!, [H, W, C]);
    return rewritten;
  }
  const other = inputs.find((name) => !into.channelsFirst(name) && !isConstant(name));
  if (other !== undefined) {
    fail(`takes "${last}", in (N, H, W, C) order, together with "${other}", in (N, C, H, W) order`);
  }
  if (UNARY.has(op) || ALIKE.has(op)) return declared();
  if (op === "MatMul") return pixelwise(declared(), into, fail);
  if (!ALONG.has(op)) {
    fail(`takes "${last}", which is in (N, H, W, C) order; put a Transpose to (N, C, H, W) before it`);
  }
  const wide = op === "LayerNormalization" && inputs.slice(1).find((name) => isWide(name, into));
  if (wide)
    fail(
      `has the weight or bias "${wide}" with a number for each pixel, where one for each channel can be read`,
    );
  return withAxes(makesMap(node) ? declared() : rewritten, node, into);
}

/** A product of the channels of each pixel and a (C, K) weight, as the convolution of single pixels that it is. */
function pixelwise(node: OnnxNode, into: OnnxImporter, fail: (reason: string) => never): OnnxNode {
  const [x, name] = node.inputs as [string, string];
  const weight = into.constant(name);
  if (weight?.shape.length !== 2) return fail("multiplies a map by what is not a (C, K) constant");
  const [C, K] = weight.shape as [number, number];
  const kernel = { ...tensorOf([K, C, 1, 1], into.transposed(weight), false), name: weight.name };
  // Named as PyTorch's exporter names such a node, after its module.
  const own = node.name.replace(/\/MatMul(_\d+)?$/, "/Conv");
  return { ...node, op: "Conv", name: own, inputs: [x, into.addConstant(`${name} (K, C, 1, 1)`, kernel)] };
}

/** Whether the result of an operator along axes has the four axes still. */
const makesMap = ({ op, attributes }: OnnxNode): boolean =>
  op === "Concat" || (op !== "Squeeze" && (attributes.keepdims?.int ?? 1) !== 0);

/** Whether a constant has more numbers than its last axis. */
const isWide = (name: string, into: OnnxImporter): boolean =>
  into
    .constant(name)
    ?.shape.slice(0, -1)
    .some((extent) => extent !== 1) === true;

/** The node with its axes, an attribute or a constant, counted in (N, C, H, W). */
function withAxes(rewritten: OnnxNode, { op, inputs, attributes }: OnnxNode, into: OnnxImporter): OnnxNode {
  const { axis, axes } = attributes;
  if (op === "LayerNormalization") {
    // All axes from this one on, which are not beside each other in (N, C, H, W).
    const first = axis?.int ?? -1;
    const ints = axes?.ints ?? [0, 1, 2, 3].slice(first < 0 ? first + 4 : first);
    return { ...rewritten, attributes: { ...attributes, axes: { ints: ints.map(firstAxis) } } };
  }
  const input = into.constant(inputs[1] ?? "");
  if (axis?.int !== undefined) {
    return { ...rewritten, attributes: { ...attributes, axis: { int: firstAxis(axis.int) } } };
  }
  if (axes?.ints) {
    return { ...rewritten, attributes: { ...attributes, axes: { ints: axes.ints.map(firstAxis) } } };
  }
  if (!input) return rewritten;
  const name = into.addConstant(
    `${inputs[1]} (N, C, H, W)`,
    tensorOf(input.shape, input.ints().map(firstAxis), true),
  );
  return { ...rewritten, inputs: [rewritten.inputs[0]!, name] };
}

/** A constant with one number for each channel, the last axis, as one of (C, 1, 1); any other name as it is. */
function constantFirst(name: string, into: OnnxImporter): string {
  const tensor = into.constant(name);
  const C = tensor?.shape.at(-1) ?? 1;
  if (!tensor || C === 1 || tensor.shape.slice(0, -1).some((extent) => extent !== 1)) return name;
  const reshaped: OnnxTensor = { ...tensor, shape: [C, 1, 1] };
  return into.addConstant(`${name} (C, 1, 1)`, reshaped);
}

/** Norms: by running statistics, or by those of each image, of all its pixels or of each. */
import type { OnnxImporter } from "../importer.ts";
import type { OnnxTensor } from "../model-proto.ts";
import { decimal, type Operator, type Reading } from "../reading.ts";

/** The small number under the root, which has to be more than nothing here. */
function epsilonOf(node: Reading): number {
  const eps = node.float("epsilon", 1e-5);
  return eps > 0 ? eps : node.fail(`has epsilon ${eps}, where only more than 0 can be read`);
}

/** Stores a norm's weight and bias, one number for each channel; returns the layer's name. */
function affine(
  node: Reading,
  into: OnnxImporter,
  channels: number,
  numbersOf: (tensor: OnnxTensor) => Float32Array,
): string {
  const name = into.layerName(node.node, (node.has(1) && node.constant(1).name) || node.node.inputs[1] || "");
  for (const [index, part, otherwise] of [
    [1, "weight", 1],
    [2, "bias", 0],
  ] as const) {
    const numbers = node.has(index)
      ? numbersOf(node.constant(index))
      : new Float32Array(channels).fill(otherwise);
    into.weight(`${name}.${part}`, [channels], numbers);
  }
  return name;
}

/** Numbers for each of these channels, of which a file has one for each, or one for each of so many groups. */
const byChannel =
  (node: Reading, channels: number, groups: number) =>
  (tensor: OnnxTensor): Float32Array => {
    const values = tensor.floats();
    if (values.length === channels) return values;
    if (values.length === groups) {
      return Float32Array.from({ length: channels }, (_, c) => values[Math.floor((c * groups) / channels)]!);
    }
    return node.fail(
      `has a weight or bias of (${tensor.shape.join(", ")}) for ${channels} channels in ${groups} groups`,
    );
  };

/** Numbers for each channel of a shape (N, C, H, W), of which a file has one for each pixel too. */
const ofAllPixels =
  (node: Reading, [, channels, ...pixels]: readonly number[]) =>
  (tensor: OnnxTensor): Float32Array => {
    const values = tensor.floats();
    const each = values.length / channels!;
    const isEach =
      each === pixels.reduce((a, b) => a * b, 1) || (each === 1 && tensor.shape.at(-3) === channels);
    const isSame = values.every((value, i) => value === values[Math.floor(i / each) * each]);
    if (values.length === 1) return new Float32Array(channels!).fill(values[0]!);
    if (isEach && isSame) return values.filter((_, i) => i % each === 0);
    return node.fail(
      `has a weight or bias of (${tensor.shape.join(", ")}), a number for each pixel, where one for each channel can be ` +
        "read, as torch.nn.GroupNorm(1, channels) has them",
    );
  };

/** A norm of groups of the channels of a map. */
function groupNorm(node: Reading, into: OnnxImporter, x: string, numGroups: number, to: string): void {
  const channels = into.shapeOf(x)[1]!;
  if (!(numGroups >= 1) || channels % numGroups !== 0) {
    node.fail(`has ${numGroups} groups, which do not divide ${channels} channels`);
  }
  const name = affine(node, into, channels, byChannel(node, channels, numGroups));
  into.add({ type: "group_norm", name, numGroups, eps: epsilonOf(node) }, [x], to);
}

/** The axes of a LayerNormalization: from `axis` on, or those that an idiom has. */
function axesOf(node: Reading, rank: number): readonly number[] {
  const { axes } = node.node.attributes;
  const first = node.int("axis", -1);
  const given =
    axes?.ints ?? Array.from({ length: rank - (first < 0 ? first + rank : first) }, (_, i) => -1 - i);
  return given.map((axis) => (axis < 0 ? axis + rank : axis)).sort();
}

export const NORMS: Readonly<Record<string, Operator>> = {
  BatchNormalization(node, into) {
    node.expect("training_mode", 0);
    node.expect("spatial", 1);
    const name = into.layerName(node.node, node.constant(1).name || node.node.inputs[1]!);
    for (const [i, key] of ["weight", "bias", "running_mean", "running_var"].entries()) {
      const tensor = node.constant(i + 1);
      into.weight(`${name}.${key}`, tensor.shape, tensor.floats());
    }
    const eps = node.float("epsilon", 1e-5);
    // ONNX's momentum is the share of the old statistics.
    const momentum = decimal(1 - node.float("momentum", 0.9));
    into.add({ type: "batch_norm", name, eps, momentum }, [node.value()], node.output);
  },
  InstanceNormalization(node, into) {
    // Of groups whose pixels are those of all their channels, it is a group norm.
    const grouped = into.grouped(node.node.inputs[0] ?? "");
    if (!grouped) return groupNorm(node, into, node.value(), into.shapeOf(node.value())[1]!, node.output);
    const { value: x, groups } = grouped;
    if (!into.isOnlyFor(node.output, "Reshape")) {
      node.fail("is not followed by the Reshape that gives its groups the shape of the map again");
    }
    const value = into.fresh(`${node.output} (N, C, H, W)`);
    groupNorm(node, into, x, groups, value);
    into.expectUses(value, node.output);
    into.declareGrouped(node.output, { value, groups });
  },
  GroupNormalization(node, into) {
    groupNorm(node, into, node.value(), node.int("num_groups", 0), node.output);
  },
  LayerNormalization(node, into) {
    const x = node.value();
    const shape = into.shapeOf(x);
    const channels = shape[1]!;
    const axes = axesOf(node, shape.length).join();
    if (axes === "1") {
      const name = affine(node, into, channels, byChannel(node, channels, 1));
      return into.add({ type: "layer_norm", name, eps: epsilonOf(node) }, [x], node.output);
    }
    // Without a weight it is a group norm; with one, if that is the same for all pixels.
    if (axes === "2,3") return groupNorm(node, into, x, channels, node.output);
    if (axes !== "1,2,3") {
      node.fail(`is over the axes [${axes}] of (N, C, H, W); only channels, pixels or both can be read`);
    }
    const name = affine(node, into, channels, ofAllPixels(node, shape));
    into.add({ type: "group_norm", name, numGroups: 1, eps: epsilonOf(node) }, [x], node.output);
  },
};

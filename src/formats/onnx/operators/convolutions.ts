/** Conv and ConvTranspose. */
import { type Pads, type Pair, windowExtent } from "../../../base/window.ts";
import type { OnnxImporter } from "../importer.ts";
import type { Operator, Reading } from "../reading.ts";

/** What both have: the layer's name, whose weight and bias it takes, and its numbers. `layout` is that of the weight. */
function convolution(node: Reading, into: OnnxImporter, layout: string) {
  const weight = node.constant(1);
  const { shape } = weight;
  if (shape.length !== 4) node.fail(`has a weight of (${shape.join(", ")}) instead of (${layout})`);
  const [, , R, S] = shape as [number, number, number, number];
  const kernelSize = node.pair("kernel_shape", [R, S]);
  if (kernelSize[0] !== R || kernelSize[1] !== S) {
    node.fail(`has kernel_shape [${kernelSize.join(", ")}] and a weight of (${shape.join(", ")})`);
  }
  const groups = node.int("group", 1);
  if (!(groups >= 1)) node.fail(`has group ${groups}`);
  const name = into.layerName(node.node, weight.name || node.node.inputs[1]!);
  into.weight(`${name}.weight`, shape, weight.floats());
  const bias = node.has(2);
  if (bias) into.weight(`${name}.bias`, node.constant(2).shape, node.constant(2).floats());
  const [stride, dilation] = [node.pair("strides"), node.pair("dilations")];
  return { name, shape, kernelSize, stride, dilation, groups, bias } as const;
}

/** What a ConvTranspose leaves away at each side of its result, of this extent by an axis if that is given. */
function sidesOf(
  node: Reading,
  of: { readonly kernelSize: Pair; readonly stride: Pair; readonly dilation: Pair },
  outputPadding: Pair,
  extents: readonly number[],
): Pads {
  const auto = node.node.attributes.auto_pad?.text ?? "NOTSET";
  const isGiven = node.node.attributes.output_shape !== undefined;
  const own = node.padding();
  if (!isGiven && !auto.startsWith("SAME")) return own === "valid" ? [0, 0, 0, 0] : (own as Pads);
  const given = isGiven ? node.pair("output_shape") : undefined;
  const [rows, columns] = ([0, 1] as const).map((axis): Pair => {
    const stride = of.stride[axis];
    const whole =
      (extents[axis]! - 1) * stride +
      windowExtent(of.kernelSize[axis], of.dilation[axis]) +
      outputPadding[axis];
    const wanted = given?.[axis] ?? Math.min(extents[axis]! * stride, whole);
    if (wanted > whole) node.fail(`has an output_shape of ${wanted} where it makes ${whole} at most`);
    const [less, more] = [Math.floor((whole - wanted) / 2), Math.ceil((whole - wanted) / 2)];
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  }) as [Pair, Pair];
  return [...rows, ...columns];
}

export const CONVOLUTIONS: Readonly<Record<string, Operator>> = {
  Conv(node, into) {
    const { shape, ...numbers } = convolution(node, into, "K, C/group, R, S");
    const kind = { type: "conv2d", ...numbers, outChannels: shape[0]!, padding: node.padding() } as const;
    into.convolution(kind, node.value(), node.output);
  },
  ConvTranspose(node, into) {
    const { shape, ...numbers } = convolution(node, into, "C, K/group, R, S");
    const outputPadding = node.extents("output_padding", [0, 0], 0) as unknown as Pair;
    for (const axis of [0, 1] as const) {
      const most = Math.max(numbers.stride[axis], numbers.dilation[axis]) - 1;
      if (outputPadding[axis] > most) {
        node.fail(
          `has output_padding [${outputPadding.join(", ")}], of which at most ${most} can be read: less than the stride or ` +
            "the dilation, as in PyTorch",
        );
      }
    }
    const x = node.value();
    const [, , ...extents] = into.shapeOf(x);
    if (extents.length !== 2) node.fail("takes a vector, where only maps (N, C, H, W) can be read");
    const padding = sidesOf(node, numbers, outputPadding, extents);
    const outChannels = shape[1]! * numbers.groups;
    into.add({ type: "conv_transpose2d", ...numbers, outChannels, padding, outputPadding }, [x], node.output);
  },
};

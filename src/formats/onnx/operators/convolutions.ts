/** Conv and ConvTranspose. */
import { type Pads, type Pair, windowExtent } from "../../../base/window.ts";
import type { OnnxImporter } from "../importer.ts";
import { MAX_EXTENT, type Operator, type Reading } from "../reading.ts";

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

type Both = readonly [before: number, after: number];

/** What a ConvTranspose leaves away at the sides of its result by an axis, less than nothing if it adds as much. */
function sidesOf(
  node: Reading,
  axis: 0 | 1,
  extent: number,
  {
    kernelSize,
    stride,
    dilation,
  }: { readonly kernelSize: Pair; readonly stride: Pair; readonly dilation: Pair },
): Both {
  const { auto_pad, output_shape } = node.node.attributes;
  const auto = auto_pad?.text ?? "NOTSET";
  if (!["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].includes(auto)) node.fail(`has auto_pad ${auto}`);
  const isSame = auto.startsWith("SAME");
  if (!output_shape && !isSame) {
    const pads = node.extents("pads", [0, 0, 0, 0], -MAX_EXTENT);
    return auto === "VALID" ? [0, 0] : [pads[axis]!, pads[axis + 2]!];
  }
  const more = node.extents("output_padding", [0, 0], 0)[axis]!;
  const whole = (extent - 1) * stride[axis] + windowExtent(kernelSize[axis], dilation[axis]) + more;
  const wanted = output_shape ? node.pair("output_shape")[axis] : extent * stride[axis];
  const left = Math.max(0, whole - wanted);
  if (output_shape && wanted > whole) {
    node.fail(`has an output_shape of ${wanted}, where it makes ${whole} at most; give it pads instead`);
  }
  const [less, rest] = [Math.floor(left / 2), Math.ceil(left / 2)];
  return auto === "SAME_UPPER" ? [less, rest] : [rest, less];
}

export const CONVOLUTIONS: Readonly<Record<string, Operator>> = {
  Conv(node, into) {
    const { shape, ...numbers } = convolution(node, into, "K, C/group, R, S");
    const kind = { type: "conv2d", ...numbers, outChannels: shape[0]!, padding: node.padding() } as const;
    into.convolution(kind, node.value(), node.output);
  },
  ConvTranspose(node, into) {
    const { shape, ...numbers } = convolution(node, into, "C, K/group, R, S");
    const x = node.value();
    const [, , ...extents] = into.shapeOf(x);
    if (extents.length !== 2) node.fail("takes a vector, where only maps (N, C, H, W) can be read");
    const given = node.extents("output_padding", [0, 0], 0);
    const [rows, columns] = ([0, 1] as const).map((axis) => sidesOf(node, axis, extents[axis]!, numbers)) as [
      Both,
      Both,
    ];
    if (rows[0] < 0 || columns[0] < 0) {
      node.fail(
        "adds pixels at the top or left of its result by negative pads; only at the bottom and right can be read",
      );
    }
    // tf2onnx writes what is to be added as padding that is less than none.
    const padding: Pads = [rows[0], Math.max(0, rows[1]), columns[0], Math.max(0, columns[1])];
    const outputPadding = [rows, columns].map(
      ([, after], axis) => given[axis]! + Math.max(0, -after),
    ) as unknown as Pair;
    for (const axis of [0, 1] as const) {
      const most = Math.max(numbers.stride[axis], numbers.dilation[axis]) - 1;
      if (outputPadding[axis] <= most) continue;
      const what = `adds [${outputPadding.join(", ")}] rows and columns to its result`;
      node.fail(`${what}; less than the stride or the dilation can be read, as in PyTorch`);
    }
    const outChannels = shape[1]! * numbers.groups;
    into.add({ type: "conv_transpose2d", ...numbers, outChannels, padding, outputPadding }, [x], node.output);
  },
};

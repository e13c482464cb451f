import { WeightsError } from "../../base/errors.ts";
import type { Pads } from "../../base/window.ts";
import { isNode, type Op, type OpNode, type Tensors } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { hasManyLabels, inspect, type Model } from "../../models/model.ts";
import { conv2dOp } from "../../ops/conv/conv2d.ts";
import { denseOp } from "../../ops/conv/dense.ts";
import { convTranspose2dOp } from "../../ops/conv/transposed/conv-transpose2d.ts";
import { activationOp } from "../../ops/elementwise/activation.ts";
import { addOp } from "../../ops/elementwise/add.ts";
import { averageOp } from "../../ops/elementwise/average.ts";
import { dropoutOp } from "../../ops/elementwise/dropout.ts";
import { mulOp } from "../../ops/elementwise/mul.ts";
import { preluOp } from "../../ops/elementwise/prelu.ts";
import { rescaleOp } from "../../ops/elementwise/rescale.ts";
import { subOp } from "../../ops/elementwise/sub.ts";
import { upsampleOp } from "../../ops/image/upsample.ts";
import { concatOp } from "../../ops/layout/concat.ts";
import { flattenOp } from "../../ops/layout/flatten.ts";
import { padChannelsOp } from "../../ops/layout/pad-channels.ts";
import { pad2dOp } from "../../ops/layout/pad2d.ts";
import { softmaxOp } from "../../ops/loss/softmax.ts";
import { batchNormOp } from "../../ops/norm/batch-norm.ts";
import { groupNormOp, layerNormOp } from "../../ops/norm/group-norm.ts";
import { globalMaxPoolOp } from "../../ops/pool/global-max-pool.ts";
import { avgPool2dOp, globalAvgPoolOp, maxPool2dOp, type Pool2d } from "../../ops/pool/pool.ts";
import { checkFinite } from "../../weights/finite.ts";
import { fileShape } from "../../weights/layout.ts";
import type { NamedWeights } from "../../weights/tensors.ts";
import { checkFlatOrder } from "../flat-order.ts";
import { encodeOnnx, type OnnxAttribute, reachable } from "./model-proto.ts";
import { type Attributes, Writer } from "./writer.ts";

/** What to write into an ONNX file. */
export interface ExportOnnxOptions {
  /** Whether to end with a softmax or sigmoid, for probabilities instead of logits. Default false. */
  readonly probabilities?: boolean;
}

const OPSET = 17;

/**
 * Exports a model in evaluation mode to an ONNX file (opset 17): `images` (N, C, H, W) f32, for any N, → `logits` or
 * `probabilities` (N, classes), or (N, 1) of a classifier of two classes that has one logit, for the second. `weights` holds parameters and running statistics by name; others in it are ignored.
 * Throws WeightsError if weights are missing or of the wrong shape, or if operations cannot be exported, listing all; and
 * NonFiniteError if a weight is NaN or infinite.
 */
export function exportOnnx(
  model: Model,
  weights: NamedWeights,
  { probabilities = false }: ExportOnnxOptions = {},
): Uint8Array<ArrayBuffer> {
  const graph = inspect(model);
  const source = `onnx of ${model.name}`;
  checkFlatOrder(graph, source);
  const problems: string[] = [];
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const variable of [...graph.parameters, ...graph.states]) {
    const shape = fileShape(variable);
    const given = weights.get(variable.name);
    if (!given) problems.push(`${variable.name} (${shape.join(", ")}) is missing`);
    else if (given.shape.join() !== shape.join()) {
      problems.push(`${variable.name} is (${given.shape.join(", ")}), the model has (${shape.join(", ")})`);
    } else tensors.set(variable.name, given);
  }
  if (problems.length > 0) throw new WeightsError(`${source}: ${problems.join("; ")}`);
  checkFinite(source, tensors);

  const writer = new Writer(tensors);
  writer.name(graph.inputs.get("images")!, "images");
  const last = graph.nodes.at(-1)!;
  // Of two classes by one logit, which is what the file then gives.
  const isBinary = isNode(last, padChannelsOp) && last.attrs.before === 1 && model.classes === 2;
  const nodes = isBinary ? graph.nodes.slice(0, -1) : graph.nodes;
  const unknown = nodes.filter((node) => !OPERATIONS.some(({ write }) => write(node, writer)));
  if (unknown.length > 0) {
    const names = [...new Set(unknown.map(({ op }) => op.name))].join(", ");
    throw new WeightsError(`${source}: cannot export ${names}`);
  }
  const [H, W, C] = model.inputShape;
  const output = probabilities ? "probabilities" : "logits";
  const logits = isBinary ? last.inputs.x : graph.outputs.get("logits")!;
  const isSoftmax = !isBinary && !hasManyLabels(model);
  const end = probabilities ? (isSoftmax ? "Softmax" : "Sigmoid") : "Identity";
  writer.node(end, output, [writer.of(logits)], end === "Softmax" ? { axis: { int: -1 } } : {}, output);
  const outputs = [{ name: output, shape: ["N", logits.shape[1]!] }];
  return encodeOnnx({
    name: model.name,
    opset: OPSET,
    inputs: [{ name: "images", shape: ["N", C, H, W] }],
    outputs,
    tensors,
    nodes: reachable({ nodes: writer.nodes, outputs }),
  });
}

/** ONNX's order of padding: [top, left, bottom, right]. */
const pads = ([top, bottom, left, right]: Pads): OnnxAttribute => ({ ints: [top, left, bottom, right] });

const windows = ({ kernel, stride, padding }: Pool2d): Attributes => ({
  kernel_shape: { ints: kernel },
  strides: { ints: stride },
  pads: pads(padding),
});

const isPresent = (tensor: Tensor | undefined): tensor is Tensor => tensor !== undefined;

interface Operation {
  /** The op's name. */
  readonly op: string;
  /** Writes the ONNX nodes for a node of our graph; false where it is of another op. */
  readonly write: (node: OpNode, writer: Writer) => boolean;
}

const operation = <In extends Tensors, Attrs, Out extends Tensors>(
  op: Op<In, Attrs, Out>,
  write: (node: OpNode<In, Attrs, Out>, writer: Writer) => void,
): Operation => ({
  op: op.name,
  write(node, writer) {
    if (!isNode(node, op)) return false;
    write(node, writer);
    return true;
  },
});

/** An operation that is one ONNX node. */
const single = <In extends Tensors, Attrs, Out extends Tensors & { readonly y: Tensor }>(
  op: Op<In, Attrs, Out>,
  name: string,
  attributesOf: (node: OpNode<In, Attrs, Out>) => Attributes = () => ({}),
): Operation =>
  operation(op, (node, writer) => {
    const inputs = Object.values(node.inputs).filter(isPresent);
    const values = inputs.map((t) => writer.of(t));
    writer.name(node.outputs.y, writer.node(name, node.label, values, attributesOf(node)));
  });

/** A pooling of all pixels, whose result is flat here and (N, C, 1, 1) there. */
const flattened = <Out extends Tensors & { readonly y: Tensor }>(
  op: Op<{ x: Tensor }, Record<never, never>, Out>,
  name: string,
): Operation =>
  operation(op, ({ label, inputs: { x }, outputs: { y } }, writer) => {
    const map = writer.node(name, label, [writer.of(x)]);
    writer.name(y, writer.node("Flatten", `${label}.flatten`, [map], { axis: { int: 1 } }));
  });

/** What can be written; all of it can be read again. */
export const OPERATIONS: readonly Operation[] = [
  single(conv2dOp, "Conv", ({ attrs: { stride, dilation, padding, groups }, inputs: { weight } }) => ({
    kernel_shape: { ints: weight.shape.slice(0, 2) },
    strides: { ints: stride },
    dilations: { ints: dilation },
    pads: pads(padding),
    group: { int: groups },
  })),
  single(convTranspose2dOp, "ConvTranspose", ({ attrs, inputs: { weight } }) => ({
    kernel_shape: { ints: weight.shape.slice(0, 2) },
    strides: { ints: attrs.stride },
    dilations: { ints: attrs.dilation },
    pads: pads(attrs.padding),
    output_padding: { ints: attrs.outputPadding },
    group: { int: attrs.groups },
  })),
  single(denseOp, "Gemm", () => ({ transB: { int: 1 } })),
  // ONNX's momentum is the share of the old statistics.
  single(batchNormOp, "BatchNormalization", ({ attrs: { eps, momentum } }) => ({
    epsilon: { float: eps },
    momentum: { float: 1 - momentum },
  })),
  operation(
    groupNormOp,
    ({ label, inputs: { x, weight, bias }, attrs: { groups, eps }, outputs: { y } }, writer) => {
      // The groups as channels, whose pixels are those of all channels of the group.
      const parts = writer.node("Reshape", `${label}.groups`, [
        writer.of(x),
        writer.ints(`${label}.to`, [0, groups, -1]),
      ]);
      const [one, zero] = [1, 0].map((value) =>
        writer.tensor(`${label}.${value}`, [groups], new Array<number>(groups).fill(value)),
      ) as [string, string];
      const normed = writer.node("InstanceNormalization", label, [parts, one, zero], {
        epsilon: { float: eps },
      });
      const map = writer.node("Reshape", `${label}.map`, [
        normed,
        writer.node("Shape", `${label}.shape`, [writer.of(x)]),
      ]);
      const [scale, shift] = [weight, bias].map((tensor) => writer.perChannel(tensor, x)) as [string, string];
      const scaled = writer.node("Mul", `${label}.mul`, [map, scale]);
      writer.name(y, writer.node("Add", `${label}.add`, [scaled, shift]));
    },
  ),
  operation(layerNormOp, ({ label, inputs: { x, weight, bias }, attrs: { eps }, outputs: { y } }, writer) => {
    const turned = (from: string, name: string, perm: readonly number[]): string =>
      x.shape.length === 4
        ? writer.node("Transpose", `${label}.${name}`, [from], { perm: { ints: perm } })
        : from;
    const last = turned(writer.of(x), "last", [0, 2, 3, 1]);
    const inputs = [last, writer.of(weight), writer.of(bias)];
    const normed = writer.node("LayerNormalization", label, inputs, {
      axis: { int: -1 },
      epsilon: { float: eps },
    });
    writer.name(y, turned(normed, "first", [0, 3, 1, 2]));
  }),
  operation(addOp, ({ inputs: { a, b }, outputs: { y } }, writer) => {
    writer.name(y, writer.node("Add", `${a.name}.add`, [writer.of(a), writer.of(b)]));
  }),
  operation(mulOp, ({ label, inputs: { a, b }, outputs: { y } }, writer) => {
    const factor = b.shape.length === a.shape.length ? writer.of(b) : writer.asMap(b);
    writer.name(y, writer.node("Mul", label, [writer.of(a), factor]));
  }),
  operation(subOp, ({ label, inputs: { a, b }, outputs: { y } }, writer) => {
    writer.name(y, writer.node("Sub", label, [writer.of(a), writer.of(b)]));
  }),
  operation(
    rescaleOp,
    ({ label, inputs: { x }, attrs: { scale = 1, offset = 0 }, outputs: { y } }, writer) => {
      const isSame = (numbers: number | readonly number[], value: number): boolean =>
        [numbers].flat().every((number) => number === value);
      // Of a map the channels are not the last axis.
      const pixels = x.shape.slice(2).map(() => 1);
      const constant = (name: string, numbers: number | readonly number[]): string =>
        writer.tensor(
          `${label}.${name}`,
          typeof numbers === "number" ? [] : [numbers.length, ...pixels],
          numbers,
        );
      const scaled = isSame(scale, 1)
        ? writer.of(x)
        : writer.node("Mul", label, [writer.of(x), constant("scale", scale)]);
      writer.name(
        y,
        isSame(offset, 0) ? scaled : writer.node("Add", `${label}.add`, [scaled, constant("offset", offset)]),
      );
    },
  ),
  operation(preluOp, ({ label, inputs: { x, weight }, outputs: { y } }, writer) => {
    const slope = weight.shape[0] === 1 ? writer.of(weight) : writer.perChannel(weight, x);
    writer.name(y, writer.node("PRelu", label, [writer.of(x), slope]));
  }),
  single(averageOp, "Mean"),
  single(concatOp, "Concat", () => ({ axis: { int: 1 } })),
  operation(
    padChannelsOp,
    ({ label, inputs: { x }, attrs: { channels, before = 0 }, outputs: { y } }, writer) => {
      // First the zeros before each axis, then those after it.
      const ofChannels = (zeros: number): number[] => x.shape.map((_, axis) => (axis === 1 ? zeros : 0));
      const ints = [...ofChannels(before), ...ofChannels(channels - before - x.shape.at(-1)!)];
      writer.name(y, writer.node("Pad", label, [writer.of(x), writer.ints(`${label}.pads`, ints)]));
    },
  ),
  operation(
    pad2dOp,
    ({ label, inputs: { x }, attrs: { padding, mode, value = 0 }, outputs: { y } }, writer) => {
      const [top, bottom, left, right] = padding;
      const ints = [0, 0, top, left, 0, 0, bottom, right];
      const inputs = [writer.of(x), writer.ints(`${label}.pads`, ints)];
      if (value) inputs.push(writer.constant(`${label}.value`, value));
      writer.name(y, writer.node("Pad", label, inputs, { mode: { text: mode } }));
    },
  ),
  operation(upsampleOp, ({ label, inputs: { x }, attrs: { size, mode }, outputs: { y } }, writer) => {
    // The sizes are those of the images and channels, which are as many as before, and the map's.
    const kept = writer.node("Shape", `${label}.shape`, [writer.of(x)], {
      start: { int: 0 },
      end: { int: 2 },
    });
    const sizes = writer.node("Concat", `${label}.sizes`, [kept, writer.ints(`${label}.size`, size)], {
      axis: { int: 0 },
    });
    const how: Attributes =
      mode === "nearest"
        ? { coordinate_transformation_mode: { text: "asymmetric" }, nearest_mode: { text: "floor" } }
        : { coordinate_transformation_mode: { text: "half_pixel" } };
    const attributes = { mode: { text: mode === "nearest" ? mode : "linear" }, ...how };
    writer.name(y, writer.node("Resize", label, [writer.of(x), "", "", sizes], attributes));
  }),
  operation(maxPool2dOp, ({ label, inputs: { x }, attrs, outputs: { y } }, writer) => {
    const pool = writer.node("MaxPool", label, [writer.of(x)], windows(attrs));
    // ONNX Runtime takes zeros before a max pool for the pool's own, which are no maxima; not if it asks for the indices.
    if (writer.madeBy(x)?.op === "Pad") writer.alsoMakes(pool, `${label}.indices`);
    writer.name(y, pool);
  }),
  operation(avgPool2dOp, ({ label, inputs: { x }, attrs, outputs: { y } }, writer) => {
    const pool = (value: string, { countIncludePad, ...given }: typeof attrs): string => {
      const attributes = { ...windows(given), count_include_pad: { int: Number(countIncludePad) } };
      return writer.node("AveragePool", label, [value], attributes);
    };
    const [top, bottom, left, right] = attrs.padding;
    const [below, beside] = attrs.ceil ?? [0, 0];
    if (below + beside === 0) {
      writer.name(y, pool(writer.of(x), attrs));
      return;
    }
    // Padding that counts comes before the pool, in which none does then.
    const ints = [0, 0, top, left, 0, 0, bottom - below, right - beside];
    const padded = writer.node("Pad", `${label}.pad`, [writer.of(x), writer.ints(`${label}.pads`, ints)]);
    writer.name(y, pool(padded, { ...attrs, padding: [0, below, 0, beside], countIncludePad: false }));
  }),
  flattened(globalAvgPoolOp, "GlobalAveragePool"),
  flattened(globalMaxPoolOp, "GlobalMaxPool"),
  single(flattenOp, "Flatten", () => ({ axis: { int: 1 } })),
  single(softmaxOp, "Softmax", () => ({ axis: { int: -1 } })),
  operation(dropoutOp, ({ inputs: { x }, outputs: { y } }, writer) => writer.name(y, writer.of(x))),
  operation(activationOp, ({ inputs: { x }, attrs, outputs: { y } }, writer) => {
    writer.name(y, writer.activation(x.name, writer.of(x), attrs));
  }),
];

/** Convolutions, and dense layers, which over a map are such. */
import { windowExtent } from "../../base/window.ts";
import type { ActivationLike } from "../../layers/index.ts";
import type { NetworkLayerKind } from "../../models/topologies/network.ts";
import type { KerasImporter, LayerReader, Part, Parts } from "./importer.ts";
import type { Reading } from "./reading.ts";

const BIAS = { names: ["bias"] } as const;
const KERNEL: Parts = { weight: { names: ["kernel"] }, bias: BIAS };
/** A kernel that has another shape in the file. */
const kernelOf = (shape: Part["shape"] & {}): Parts => ({ ...KERNEL, weight: { names: ["kernel"], shape } });
/** A parameter's shape in Keras, with C channels and so many filters for each: (R, S, C, filters). */
const forDepth =
  (multiplier: number) =>
  ([R, S, , K]: readonly number[]): readonly number[] => [R!, S!, K! / multiplier, multiplier];

/** The window of a convolution, but for its padding. */
const stepsOf = (layer: Reading) =>
  ({
    kernelSize: layer.pair("kernel_size"),
    stride: layer.pair("strides", [1, 1]),
    dilation: layer.pair("dilation_rate", [1, 1]),
  }) as const;

/** The same with padding, of values whose padding it can take over. */
const windowOf = (layer: Reading) => ({ ...stepsOf(layer), padding: layer.padding() });

const hasBias = (layer: Reading): boolean => layer.option("use_bias") !== false;

/** The activation of a convolution over a map. */
function mapActivation(layer: Reading): { activation?: ActivationLike } {
  const { activation, softmax } = layer.activation();
  if (softmax) layer.fail("has a softmax, which can be read only after a dense layer");
  return activation ? { activation } : {};
}

/** A dense layer, or a convolution of the one pixel that a global pool leaves. */
function dense(layer: Reading, into: KerasImporter, x: string, outFeatures: number, parts: Parts): void {
  const { activation, softmax } = layer.activation();
  const name = into.layerName(layer, parts);
  const kind: NetworkLayerKind = {
    ...{ type: "dense", name, outFeatures, bias: hasBias(layer) },
    ...(activation && { activation }),
  };
  into.add(kind, [x], layer.name);
  if (softmax) into.softmax(layer.name, layer.name);
}

/** The channels of a value. */
export const channelsOf = (x: string, into: KerasImporter): number =>
  into.extents(x, into.inputShape).at(-1)!;

/** A depthwise convolution without bias, with `depth_multiplier` filters for each channel. */
function depthwise(
  layer: Reading,
  into: KerasImporter,
  x: string,
  weight: readonly string[],
  suffix = "",
): Extract<NetworkLayerKind, { type: "conv2d" }> {
  const multiplier = layer.count("depth_multiplier", 1);
  const groups = channelsOf(x, into);
  const parts = { weight: { names: weight, shape: forDepth(multiplier) }, bias: BIAS };
  return {
    ...{ type: "conv2d", name: into.layerName(layer, parts, suffix), ...windowOf(layer) },
    ...{ outChannels: groups * multiplier, groups, bias: false },
  };
}

/** What a transposed convolution leaves away before and after its result by an axis, and what it adds after it. */
function sidesOf(
  layer: Reading,
  axis: 0 | 1,
  { kernelSize, stride, dilation }: ReturnType<typeof stepsOf>,
): readonly [before: number, after: number, added: number] {
  const extent = windowExtent(kernelSize[axis], dilation[axis]);
  const step = stride[axis];
  const given =
    layer.option("output_padding") === undefined ? undefined : layer.counts("output_padding")[axis];
  if (layer.option("padding") !== "same") return [0, 0, given ?? Math.max(0, step - extent)];
  // How many pixels there are around the input, with zeros between its own, as in Keras.
  const around = given === undefined ? step + extent - 2 : extent + (extent % 2) - 2 + given;
  const before = Math.min(Math.ceil(around / 2), extent - 1);
  const after = extent - 1 - (around - before);
  return [extent - 1 - before, Math.max(0, after), Math.max(0, -after)];
}

export const CONVOLUTIONS: Readonly<Record<string, LayerReader>> = {
  Conv2D(layer, into) {
    const x = layer.value(layer.takesPads);
    const outChannels = layer.count("filters");
    const groups = layer.count("groups", 1);
    const window = windowOf(layer);
    if (into.isVector(x)) {
      if (window.kernelSize.join() !== "1,1" || groups !== 1)
        layer.fail("is over one pixel, but larger than 1×1");
      return dense(
        layer,
        into,
        x,
        outChannels,
        kernelOf(([C, K]) => [1, 1, C!, K!]),
      );
    }
    const kind: NetworkLayerKind = {
      ...{ type: "conv2d", outChannels, groups, bias: hasBias(layer) },
      ...{ ...mapActivation(layer), name: into.layerName(layer, KERNEL), ...window },
    };
    into.add(kind, [x], layer.name);
  },
  DepthwiseConv2D(layer, into) {
    const x = layer.value(layer.takesPads);
    const kind = depthwise(layer, into, x, ["depthwise_kernel", "kernel"]);
    into.add({ ...kind, bias: hasBias(layer), ...mapActivation(layer) }, [x], layer.name);
  },
  SeparableConv2D(layer, into) {
    const x = layer.value(layer.takesPads);
    const between = into.fresh(`${layer.name}.depthwise`);
    into.add(depthwise(layer, into, x, ["depthwise_kernel"], ".depthwise"), [x], between);
    const parts: Parts = { weight: { names: ["pointwise_kernel"] }, bias: BIAS };
    const kind: NetworkLayerKind = {
      ...{
        type: "conv2d",
        name: into.layerName(layer, parts, ".pointwise"),
        outChannels: layer.count("filters"),
      },
      ...{ kernelSize: [1, 1], stride: [1, 1], padding: 0, dilation: [1, 1], groups: 1 },
      ...{ bias: hasBias(layer), ...mapActivation(layer) },
    };
    into.add(kind, [between], layer.name);
  },
  Dense(layer, into) {
    const x = layer.value();
    const outChannels = layer.count("units");
    if (into.isVector(x)) return dense(layer, into, x, outChannels, KERNEL);
    // Over a map it is a convolution of single pixels.
    const name = into.layerName(
      layer,
      kernelOf(([, , C, K]) => [C!, K!]),
    );
    const kind: NetworkLayerKind = {
      ...{ type: "conv2d", name, outChannels, groups: 1, bias: hasBias(layer), ...mapActivation(layer) },
      ...{ kernelSize: [1, 1], stride: [1, 1], padding: 0, dilation: [1, 1] },
    };
    into.add(kind, [x], layer.name);
  },
  Conv2DTranspose(layer, into) {
    const x = layer.value();
    layer.expect("padding", "same", "valid");
    layer.expect("groups", 1);
    if (into.isVector(x)) layer.fail("is over one pixel; only maps can be read");
    const window = stepsOf(layer);
    const [rows, columns] = [sidesOf(layer, 0, window), sidesOf(layer, 1, window)];
    const kind: NetworkLayerKind = {
      ...{ type: "conv_transpose2d", outChannels: layer.count("filters"), groups: 1, bias: hasBias(layer) },
      ...{ ...mapActivation(layer), name: into.layerName(layer, KERNEL), ...window },
      padding: [rows[0], rows[1], columns[0], columns[1]],
      outputPadding: [rows[2], columns[2]],
    };
    into.add(kind, [x], layer.name);
  },
};

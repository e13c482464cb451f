import { ShapeError } from "../../base/errors.ts";
import { type Padding, type Pads, type Pair, resolvePadding } from "../../base/window.ts";
import { describe, nhwc, type Tensor } from "../../graph/tensor.ts";
import {
  type ActivationLike,
  activation,
  add,
  average,
  avgPool2d,
  batchNorm,
  concat,
  conv2d,
  convTranspose2d,
  crop2d,
  dense,
  dropout,
  flatten,
  globalAvgPool,
  globalMaxPool,
  groupNorm,
  layerNorm,
  maxPool2d,
  mul,
  type Pad2dOptions,
  pad2d,
  padChannels,
  prelu,
  type Rescale,
  rescale,
  type Sides,
  sub,
  type UpsampleOptions,
  upsample,
} from "../../layers/index.ts";
import { carried, checked, inspect, type Model, type ModelOptions } from "../model.ts";

/** `"same_lower"` is `"same"` with an odd zero at the top and left. */
export type NetworkPadding = Padding | "same_lower";

interface Window {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: NetworkPadding;
}

/** What a layer of a network computes; `name` is the prefix of its parameters. */
export type NetworkLayerKind =
  | ({
      readonly type: "conv2d";
      readonly name: string;
      readonly outChannels: number;
      readonly dilation: Pair;
      readonly groups: number;
      readonly bias: boolean;
      readonly activation?: ActivationLike;
    } & Window)
  | {
      readonly type: "conv_transpose2d";
      readonly name: string;
      readonly outChannels: number;
      readonly kernelSize: Pair;
      readonly stride: Pair;
      /** Pixels that the result is without at its sides. */
      readonly padding: Pads;
      readonly outputPadding: Pair;
      readonly dilation: Pair;
      readonly groups: number;
      readonly bias: boolean;
      readonly activation?: ActivationLike;
    }
  | {
      /** A second value in `from` is the residual. */
      readonly type: "batch_norm";
      readonly name: string;
      readonly eps: number;
      readonly momentum: number;
      readonly activation?: ActivationLike;
    }
  | { readonly type: "group_norm"; readonly name: string; readonly numGroups: number; readonly eps: number }
  | { readonly type: "layer_norm"; readonly name: string; readonly eps: number }
  | {
      readonly type: "dense";
      readonly name: string;
      readonly outFeatures: number;
      readonly bias: boolean;
      readonly activation?: ActivationLike;
    }
  | ({ readonly type: "max_pool2d"; readonly ceilMode?: boolean } & Window)
  | ({ readonly type: "avg_pool2d"; readonly countIncludePad: boolean; readonly ceilMode?: boolean } & Window)
  /** To (N, C), or with `keepPixel` to (N, 1, 1, C). */
  | { readonly type: "global_avg_pool"; readonly keepPixel: boolean }
  | { readonly type: "global_max_pool"; readonly keepPixel: boolean }
  /** To (N, features), checked if the number is given; a flat value stays as it is. */
  | { readonly type: "flatten"; readonly features?: number }
  /** Channels of zeros: `added` after the others, and `before` (default 0) before them. */
  | { readonly type: "pad_channels"; readonly added: number; readonly before?: number }
  | ({ readonly type: "pad2d"; readonly padding: Sides } & Pad2dOptions)
  | { readonly type: "crop2d"; readonly cropping: Sides }
  | ({ readonly type: "upsample" } & UpsampleOptions)
  | { readonly type: "add"; readonly activation?: ActivationLike }
  /** The smaller of two values scales the other: (N, C) or (N, 1, 1, C) each channel, (N, H, W, 1) each pixel. */
  | { readonly type: "mul" }
  /** The first value without the second. */
  | { readonly type: "sub" }
  | { readonly type: "average" | "concat" }
  | { readonly type: "activation"; readonly activation: ActivationLike }
  | ({ readonly type: "rescale" } & Rescale)
  | { readonly type: "prelu"; readonly name: string; readonly numParameters: number }
  | { readonly type: "dropout"; readonly name: string; readonly p: number };

/** A layer, the names of the values that it uses, and the name of the value that it makes. */
export type NetworkLayer = NetworkLayerKind & {
  /** Values of earlier layers, or `"images"`. */
  readonly from: readonly string[];
  readonly to: string;
};

/** Options of `network`: the images (H, W, C), and the layers. */
export interface NetworkOptions extends ModelOptions {
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** In an order in which they can be computed. The last one makes the logits. */
  readonly layers: readonly NetworkLayer[];
}

/** A model given as data, for example read from a file. Throws ShapeError if layers do not fit. */
export function network(options: NetworkOptions): Model {
  const { inputShape, layers } = options;
  const build = (images: Tensor): Tensor => {
    const last = applied(images, layers);
    if (last.shape.length !== 2)
      throw new ShapeError("network", "the last layer must make (N, classes)", describe(last));
    return last;
  };
  const model = { name: "network", inputShape, classes: 0, options: {}, ...carried(options), build };
  const classes = inspect(checked(model)).outputs.get("logits")!.shape[1]!;
  return { ...model, classes, options: { inputShape, classes, layers, ...carried(options) } };
}

/** The extents, (N, H, W, C) or (N, C), of what the last of these layers makes of one image. Throws as `network` does. */
export function extentsAfter({ inputShape, layers }: NetworkOptions): readonly number[] {
  let extents: readonly number[] = [];
  const build = (images: Tensor): Tensor => {
    const last = applied(images, layers);
    extents = last.shape;
    return last;
  };
  inspect({ name: "network", inputShape, classes: 0, options: {}, build });
  return extents;
}

function applied(images: Tensor, layers: readonly NetworkLayer[]): Tensor {
  const values = new Map([["images", images]]);
  let last = images;
  for (const layer of layers) {
    const inputs = layer.from.map((name) => {
      const value = values.get(name);
      if (!value) throw new ShapeError("network", "a layer uses a value that no layer before it makes", name);
      return value;
    });
    last = apply(layer, inputs);
    values.set(layer.to, last);
  }
  return last;
}

function apply(layer: NetworkLayer, inputs: readonly Tensor[]): Tensor {
  const [x, y] = inputs;
  if (!x) throw new ShapeError("network", "a layer uses no value", layer.to);
  switch (layer.type) {
    case "conv2d":
      return conv2d(x, layer.name, { ...layer, padding: paddingOf(x, layer, layer.dilation) });
    case "conv_transpose2d":
      return convTranspose2d(x, layer.name, layer);
    case "batch_norm":
      return batchNorm(x, layer.name, { ...layer, ...(y && { residual: y }) });
    case "group_norm":
      return groupNorm(x, layer.name, layer);
    case "layer_norm":
      return layerNorm(x, layer.name, layer);
    case "dense":
      return dense(x, layer.name, layer);
    case "max_pool2d":
      return maxPool2d(x, { ...layer, padding: paddingOf(x, layer) });
    case "avg_pool2d":
      return avgPool2d(x, { ...layer, padding: paddingOf(x, layer) });
    case "global_avg_pool":
      return layer.keepPixel ? meanPixel(x) : globalAvgPool(x);
    case "global_max_pool":
      return layer.keepPixel ? maxPixel(x) : globalMaxPool(x);
    case "flatten":
      return flattened(x, layer.features);
    case "pad_channels":
      return padChannels(x, (layer.before ?? 0) + x.shape.at(-1)! + layer.added, layer.before);
    case "pad2d":
      return pad2d(x, layer.padding, layer);
    case "crop2d":
      return crop2d(x, layer.cropping);
    case "upsample":
      return upsample(x, layer);
    case "add":
      return add(x, second(layer, y), layer.activation);
    case "sub":
      return sub(x, second(layer, y));
    case "mul":
      return product(x, second(layer, y));
    case "average":
      return average(...inputs);
    case "concat":
      return concat(...inputs);
    case "activation":
      return activation(x, layer.activation);
    case "rescale":
      return rescale(x, layer);
    case "prelu":
      return prelu(x, layer.name, layer);
    case "dropout":
      return dropout(x, layer.name, layer.p);
  }
}

function second({ type, to }: NetworkLayer, y: Tensor | undefined): Tensor {
  if (!y) throw new ShapeError("network", `${type} takes two values`, to);
  return y;
}

function product(x: Tensor, y: Tensor): Tensor {
  const size = ({ shape }: Tensor): number => shape.reduce((a, b) => a * b);
  const [a, b] = size(x) < size(y) ? [y, x] : [x, y];
  const [, H, W] = b.shape;
  // `mul` takes a factor for each channel flat.
  const isPixel = b.shape.length === 4 && H === 1 && W === 1;
  return mul(a, isPixel && size(a) > size(b) ? flatten(b) : b);
}

function paddingOf(x: Tensor, { kernelSize, stride, padding }: Window, dilation: Pair = [1, 1]): Pads {
  const [, H, W] = nhwc("network", x);
  if (padding !== "same_lower") return resolvePadding(padding, [H, W], kernelSize, stride, dilation);
  const [top, bottom, left, right] = resolvePadding("same", [H, W], kernelSize, stride, dilation);
  return [bottom, top, right, left];
}

function meanPixel(x: Tensor): Tensor {
  const [, H, W] = nhwc("network", x);
  return avgPool2d(x, { kernelSize: [H, W] });
}

/** In two steps, since a window has at most 255 cells. */
function maxPixel(x: Tensor): Tensor {
  const [, H, W] = nhwc("network", x);
  return maxPool2d(maxPool2d(x, { kernelSize: [H, 1] }), { kernelSize: [1, W] });
}

function flattened(x: Tensor, features?: number): Tensor {
  const y = x.shape.length === 2 ? x : flatten(x);
  if (features !== undefined && y.shape[1] !== features) {
    throw new ShapeError("network", `must flatten to ${features} features`, describe(x));
  }
  return y;
}

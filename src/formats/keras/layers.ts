import { WeightsError } from "../../base/errors.ts";
import { show } from "../../base/schema.ts";
import type { Pads, Pair } from "../../base/window.ts";
import type { ActivationLike } from "../../layers/index.ts";
import type { NetworkLayerKind, NetworkPadding } from "../../models/topologies/network.ts";
import type { KerasImporter } from "./importer.ts";
import type { KerasLayer } from "./layers-model.ts";

/** Limit on strides and the like, beyond those of any network. */
const MAX_EXTENT = 65_535;

/** Reads a layer, with the defaults of its class. The methods throw WeightsError for what cannot be read. */
export class Reading {
  readonly layer: KerasLayer;
  readonly #importer: KerasImporter;

  constructor(layer: KerasLayer, importer: KerasImporter) {
    this.layer = layer;
    this.#importer = importer;
    this.expect("data_format", "channels_last");
  }

  fail(reason: string): never {
    throw new WeightsError(`${this.#importer.source}: ${this.layer.type} "${this.layer.name}" ${reason}`);
  }

  get name(): string {
    return this.layer.name;
  }

  /** The value that it takes, with zeros around it only if `mayBePadded`. */
  value(index = 0, mayBePadded = false): string {
    const name = this.layer.inputs[index] ?? "";
    const value = this.#importer.value(name);
    if (value === undefined) return this.fail(`takes "${name}", which no layer before it makes`);
    if (!mayBePadded && this.#importer.padsOf(name)) {
      this.fail("takes padded values, which here only convolutions and pools can");
    }
    return value;
  }

  values(): string[] {
    if (this.layer.inputs.length < 2) this.fail("joins fewer than two values");
    return this.layer.inputs.map((_, i) => this.value(i));
  }

  /** Throws unless an option, if given, has one of the values that are read. */
  expect(option: string, ...allowed: readonly unknown[]): void {
    const given = this.layer.config[option];
    if (given === undefined || given === null || allowed.includes(given)) return;
    const known = allowed.map((value) => show(value)).join(" or ");
    this.fail(`has ${option} ${show(given)} instead of ${known || "none"}`);
  }

  number(option: string, otherwise: number): number {
    const given = this.layer.config[option] ?? otherwise;
    if (typeof given === "number" && Number.isFinite(given)) return given;
    return this.fail(`has ${option} ${show(given)}`);
  }

  count(option: string, otherwise?: number): number {
    const given = this.layer.config[option] ?? otherwise;
    return isExtent(given) ? given : this.fail(`has ${option} ${show(given)}`);
  }

  pair(option: string, otherwise?: Pair): Pair {
    const given = this.layer.config[option] ?? otherwise;
    const both = Array.isArray(given) ? given : [given, given];
    if (both.length === 2 && both.every((e) => isExtent(e))) return both as unknown as Pair;
    return this.fail(`has ${option} ${show(given)}`);
  }

  /** Its own padding, or that of a ZeroPadding2D before it. */
  padding(): NetworkPadding {
    this.expect("padding", "same", "valid");
    const pads = this.#importer.padsOf(this.layer.inputs[0] ?? "");
    if (this.layer.config.padding !== "same") return pads ?? "valid";
    return pads ? this.fail("pads values that are padded already") : "same";
  }

  /** The windows of a pooling. */
  windows(): { kernelSize: Pair; stride: Pair; padding: NetworkPadding } {
    const kernelSize = this.pair("pool_size", [2, 2]);
    return { kernelSize, stride: this.pair("strides", kernelSize), padding: this.padding() };
  }

  /** The layer's own activation; undefined for none and for a softmax. */
  activation(): { activation?: ActivationLike; softmax: boolean } {
    const given = this.layer.config.activation ?? "linear";
    if (given === "softmax") return { softmax: true };
    if (given === "linear") return { softmax: false };
    if (typeof given === "string" && Object.hasOwn(ACTIVATIONS, given)) {
      return { activation: ACTIVATIONS[given]!, softmax: false };
    }
    return this.fail(`has the activation ${show(given)}`);
  }
}

export const isExtent = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_EXTENT;

const ACTIVATIONS: Readonly<Record<string, ActivationLike>> = {
  relu: "relu",
  relu6: "relu6",
  elu: "elu",
  gelu: "gelu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
  sigmoid: "sigmoid",
  softplus: "softplus",
};

type LayerReader = (layer: Reading, into: KerasImporter) => void;

/** How layers of each class are read. */
export const LAYERS: Readonly<Record<string, LayerReader>> = {
  InputLayer: () => {},
  ZeroPadding2D(layer, into) {
    const given = layer.layer.config.padding;
    const flat = Array.isArray(given) ? given.flat() : [];
    const sound = flat.length === 4 && flat.every((n) => n === 0 || isExtent(n));
    if (!sound) return layer.fail(`has padding ${show(given)}`);
    into.pad(layer.name, layer.value(), flat as unknown as Pads);
  },
  Conv2D(layer, into) {
    const { activation, softmax } = layer.activation();
    if (softmax) layer.fail("has a softmax, which can be read only after a dense layer");
    const kind: NetworkLayerKind = {
      type: "conv2d",
      name: into.layerName(layer.layer),
      outChannels: layer.count("filters"),
      kernelSize: layer.pair("kernel_size"),
      stride: layer.pair("strides", [1, 1]),
      padding: layer.padding(),
      dilation: layer.pair("dilation_rate", [1, 1]),
      groups: layer.count("groups", 1),
      bias: layer.layer.config.use_bias !== false,
      ...(activation && { activation }),
    };
    into.add(kind, [layer.value(0, true)], layer.name);
  },
  BatchNormalization(layer, into) {
    const axis = [layer.layer.config.axis].flat()[0] ?? -1;
    if (axis !== 3 && axis !== -1) layer.fail(`has axis ${show(axis)} instead of the channels, 3 or -1`);
    const eps = layer.number("epsilon", 1e-3);
    // Keras' momentum is the share of the old statistics.
    const momentum = Number((1 - layer.number("momentum", 0.99)).toPrecision(7));
    const name = into.layerName(layer.layer);
    into.add({ type: "batch_norm", name, eps, momentum }, [layer.value()], layer.name);
  },
  Dense(layer, into) {
    const { activation, softmax } = layer.activation();
    const kind: NetworkLayerKind = {
      type: "dense",
      name: into.layerName(layer.layer),
      outFeatures: layer.count("units"),
      bias: layer.layer.config.use_bias !== false,
      ...(activation && { activation }),
    };
    into.add(kind, [layer.value()], layer.name);
    if (softmax) into.softmax(layer.name, layer.name);
  },
  Activation(layer, into) {
    const { activation, softmax } = layer.activation();
    if (activation) into.activate(layer.value(), activation, layer.name);
    else if (softmax) into.softmax(layer.name, layer.value());
    else into.alias(layer.name, layer.value());
  },
  ReLU(layer, into) {
    layer.expect("max_value");
    for (const option of ["threshold", "negative_slope"]) {
      if (layer.number(option, 0) !== 0) layer.fail(`has a ${option}, which is not read`);
    }
    into.activate(layer.value(), "relu", layer.name);
  },
  LeakyReLU(layer, into) {
    const alpha = layer.number("negative_slope", layer.number("alpha", 0.3));
    into.activate(layer.value(), { name: "leaky_relu", alpha }, layer.name);
  },
  ELU(layer, into) {
    into.activate(layer.value(), { name: "elu", alpha: layer.number("alpha", 1) }, layer.name);
  },
  Softmax(layer, into) {
    layer.expect("axis", -1, 1);
    into.softmax(layer.name, layer.value());
  },
  MaxPooling2D(layer, into) {
    const x = layer.value(0, true);
    const from = into.layer(x);
    // A max pool ignores its own padding; zeros from another layer are as good only if nothing is negative.
    const isPositive = from && "activation" in from && from.activation === "relu";
    if (into.padsOf(layer.layer.inputs[0]!) && !isPositive)
      layer.fail("takes padding zeros that could be maxima");
    into.add({ type: "max_pool2d", ...layer.windows() }, [x], layer.name);
  },
  AveragePooling2D(layer, into) {
    const x = layer.value(0, true);
    // Zeros from another layer count in the mean; the pool's own do not.
    const countIncludePad = into.padsOf(layer.layer.inputs[0]!) !== undefined;
    into.add({ type: "avg_pool2d", ...layer.windows(), countIncludePad }, [x], layer.name);
  },
  GlobalAveragePooling2D(layer, into) {
    const keepPixel = layer.layer.config.keepdims === true;
    into.add({ type: "global_avg_pool", keepPixel }, [layer.value()], layer.name);
  },
  Flatten: (layer, into) => into.flatten(layer.value(), undefined, layer.name),
  Add(layer, into) {
    const [first, ...others] = layer.values() as [string, ...string[]];
    others.reduce((sum, value, i) => {
      const to = i === others.length - 1 ? layer.name : `${layer.name}.${i}`;
      into.sum(sum, value, to);
      return to;
    }, first);
  },
  Average: (layer, into) => into.add({ type: "average" }, layer.values(), layer.name),
  Concatenate(layer, into) {
    layer.expect("axis", -1, 3);
    into.add({ type: "concat" }, layer.values(), layer.name);
  },
  Dropout(layer, into) {
    const p = layer.number("rate", 0);
    if (!(p >= 0 && p < 1)) layer.fail(`has the rate ${p}`);
    into.add({ type: "dropout", name: into.layerName(layer.layer), p }, [layer.value()], layer.name);
  },
};

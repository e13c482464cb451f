import { WeightsError } from "../errors.ts";
import type { Variable } from "../graph/graph.ts";
import type { ActivationLike } from "../layers/index.ts";
import type { Pads, Pair } from "../shape.ts";
import { decodeGroup, type KerasFile, type KerasLayer, parseKeras } from "../weights/keras.ts";
import { fileShape, toFile } from "../weights/layout.ts";
import type { WeightsSource } from "../weights/source.ts";
import type { NamedWeights } from "../weights/tensors.ts";
import { torchvisionNames } from "./keras-names.ts";
import { inspect, type Model } from "./model.ts";
import type { NetworkLayerKind, NetworkPadding } from "./network.ts";
import { NetworkBuilder } from "./network-builder.ts";
import { caffePreprocessing } from "./preprocessing.ts";

export interface ImportKerasOptions {
  /** What the model is called in errors. Default its address, or "model.json". */
  readonly source?: string;
  /** Needed where the model leaves height or width open. */
  readonly inputShape?: readonly [height: number, width: number, channels: number];
  readonly signal?: AbortSignal;
  /** Called after each file of weights, with the bytes that are there. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** Layers of a file; networks of the kinds read here have hundreds. */
const MAX_LAYERS = 20_000;

/** Strides and the like; larger ones are no network's. */
const MAX_EXTENT = 65_535;

/**
 * The network of a Keras model in TensorFlow.js' layers format, with its own padding, strides and eps, and its
 * weights in PyTorch's layouts. `files` is the address of a model.json, beside which its shards lie, or all of the
 * files by name. The layers of Keras' ResNets and VGGs get torchvision's names, and the network their
 * preprocessing; others keep theirs. A softmax at the end is left out, as models give logits; a network without
 * its top ends with a global average pool instead.
 *
 * Throws WeightsError for files that are not sound, with all unknown layers at once, for graph models, and where
 * weights are missing or misshaped.
 */
export async function importKeras(
  files: string | URL | ReadonlyMap<string, WeightsSource>,
  options: ImportKerasOptions = {},
): Promise<{ readonly model: Model; readonly weights: NamedWeights }> {
  const byName = files instanceof Map;
  const address = byName ? "" : String(files);
  const source = options.source ?? (byName ? "model.json" : address.replace(/[?#].*$/s, ""));
  const read = async (name: string): Promise<Uint8Array> => {
    options.signal?.throwIfAborted();
    const place = byName
      ? (files as ReadonlyMap<string, WeightsSource>).get(name)
      : address.replace(/[^/?#]*(?=[?#]|$)/, (own) => (name === MODEL ? own : name));
    if (place === undefined) throw new WeightsError(`${source}: the file ${name} is missing`);
    return bytesOf(place, `${source}: ${name}`, options.signal);
  };
  const file = parseKeras(await read(MODEL), source);
  const importer = new Importer(file, source);
  const total = importer.bytes;
  let loaded = 0;
  for (const group of file.groups) {
    const shards: Uint8Array[] = [];
    for (const path of group.paths) {
      const shard = await read(path);
      shards.push(shard);
      loaded += shard.length;
      options.onProgress?.(loaded, total);
    }
    importer.take(decodeGroup(group, shards, source));
  }
  return importer.finish(options.inputShape);
}

const MODEL = "model.json";

async function bytesOf(
  source: WeightsSource,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  try {
    const response = await fetch(source, signal ? { signal } : {});
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    signal?.throwIfAborted();
    throw new WeightsError(`${name}: cannot be read — ${(cause as Error).message}`, { cause });
  }
}

/** What becomes of the layers. */
class Importer extends NetworkBuilder {
  /** How many bytes the weights have. */
  readonly bytes: number;
  readonly #layers: readonly KerasLayer[];
  readonly #output: string;
  readonly #names: ReadonlyMap<string, string> | undefined;
  /** By the last two parts of their names, as `conv1/kernel`. */
  readonly #weights = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  /** The layers with parameters, by our names. */
  readonly #theirs = new Map<string, KerasLayer>();
  /** Zeros around values, which what takes them has to add. */
  readonly #pads = new Map<string, Pads>();
  #ended = false;

  constructor({ layers, outputs, groups }: KerasFile, source: string) {
    const unknown = [...new Set(layers.map(({ type }) => type))].filter(
      (type) => !Object.hasOwn(LAYERS, type),
    );
    const fail = (reason: string): never => {
      throw new WeightsError(`${source}: ${reason}`);
    };
    if (layers.length > MAX_LAYERS) fail(`has ${layers.length} layers; at most ${MAX_LAYERS} are read`);
    if (unknown.length > 0) fail(`uses layers that are not read: ${unknown.sort().join(", ")}`);
    const inputs = layers.filter(({ type }) => type === "InputLayer");
    if (inputs.length !== 1) fail(`has ${inputs.length} inputs; models have one`);
    if (outputs.length !== 1) fail(`has ${outputs.length} outputs; models have one`);
    if (layers.some(({ name, type }) => name === "images" && type !== "InputLayer")) {
      fail('has a layer that is called "images", which is what the input is called here');
    }
    super(source, inputs[0]!.name, [...outputs, ...layers.flatMap((layer) => layer.inputs)]);
    this.bytes = groups.flatMap(({ entries }) => entries).reduce((sum, { bytes }) => sum + bytes, 0);
    this.#layers = layers;
    this.#output = outputs[0]!;
    this.#names = torchvisionNames(new Set(layers.map(({ name }) => name)));
    for (const layer of layers) LAYERS[layer.type]!(new Reading(layer, this), this);
  }

  override value(name: string): string | undefined {
    if (this.#ended && name !== this.#output)
      throw new WeightsError(`${this.source}: goes on after a softmax`);
    return super.value(name);
  }

  /** Says that a layer gives a value with zeros around it. */
  pad(name: string, value: string, pads: Pads): void {
    this.alias(name, value);
    this.#pads.set(name, pads);
  }

  padsOf(name: string): Pads | undefined {
    return this.#pads.get(name);
  }

  softmax(name: string, value: string): void {
    if (name !== value) this.alias(name, value);
    this.#ended = true;
  }

  /** What a layer with parameters is called here. */
  layerName(layer: KerasLayer): string {
    const name = this.#names?.get(layer.name) ?? layer.name;
    this.#theirs.set(name, layer);
    return name;
  }

  take(weights: NamedWeights): void {
    for (const [name, weight] of weights) {
      this.#weights.set(name.replace(/:0$/, "").split("/").slice(-2).join("/"), weight);
    }
  }

  finish(given?: Model["inputShape"]): { model: Model; weights: NamedWeights } {
    const inputShape = given ?? this.#inputShape();
    const output = this.#isMap(this.value(this.#output)) ? this.#pooled() : this.#output;
    const known = this.#names && inputShape[2] === 3;
    const preprocessing = known ? { preprocessing: caffePreprocessing(inputShape) } : {};
    const model = this.network(output, { inputShape, ...preprocessing });
    const { parameters, states } = inspect(model);
    const problems: string[] = [];
    const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const variable of [...parameters, ...states]) {
      const values = this.#valuesOf(variable, problems);
      if (values) weights.set(variable.name, { shape: fileShape(variable), data: toFile(variable, values) });
    }
    if (problems.length > 0) throw new WeightsError(`${this.source}: ${problems.join("; ")}`);
    return { model, weights };
  }

  /** The values of a variable in our order, which is Keras' too; undefined, with a problem, where they do not fit. */
  #valuesOf({ name, tensor: { shape } }: Variable, problems: string[]): Float32Array | undefined {
    const dot = name.lastIndexOf(".");
    const { name: layer, config, type } = this.#theirs.get(name.slice(0, dot))!;
    const part = name.slice(dot + 1);
    const isNorm = type === "BatchNormalization";
    const fits = (theirs: string): boolean => this.#weights.get(theirs)?.shape.join() === shape.join();
    const theirs = `${layer}/${(isNorm ? NORM_PARTS : PARTS)[part]}`;
    if (fits(theirs)) return this.#weights.get(theirs)!.data;
    const option = { weight: "scale", bias: "center" }[part];
    if (isNorm && option && config[option] === false && fits(`${layer}/moving_mean`)) {
      return new Float32Array(shape[0]!).fill(part === "weight" ? 1 : 0);
    }
    const given = this.#weights.get(theirs)?.shape;
    const is = given ? `(${given.join(", ")})` : "missing";
    problems.push(`${theirs} should be (${shape.join(", ")}) and is ${is}`);
    return undefined;
  }

  #inputShape(): Model["inputShape"] {
    const { config } = this.#layers.find(({ type }) => type === "InputLayer")!;
    const shape = config.batch_input_shape ?? config.batch_shape;
    const extents = Array.isArray(shape) ? shape.slice(1) : [];
    const sound = extents.every((e) => Number.isInteger(e) && e >= 1 && e <= MAX_EXTENT);
    if (extents.length === 3 && sound) return extents as unknown as Model["inputShape"];
    const reason = `has an input of ${JSON.stringify(shape)}; where it is not fixed, give an inputShape`;
    throw new WeightsError(`${this.source}: ${reason}`);
  }

  /** Whether a value is a map, not a vector. */
  #isMap(value: string | undefined): boolean {
    for (let layer = value && this.layer(value); layer; layer = this.layer(layer.from[0]!)) {
      if (layer.type === "global_avg_pool") return layer.keepPixel;
      if (layer.type === "flatten" || layer.type === "dense") return false;
    }
    return true;
  }

  #pooled(): string {
    const to = `${this.#output}.global_avg_pool`;
    this.add({ type: "global_avg_pool", keepPixel: false }, [this.value(this.#output)!], to);
    return to;
  }
}

/** What Keras calls the parameters of convolutions and dense layers, and of batch norms. */
const PARTS: Readonly<Record<string, string>> = { weight: "kernel", bias: "bias" };
const NORM_PARTS: Readonly<Record<string, string>> = {
  weight: "gamma",
  bias: "beta",
  running_mean: "moving_mean",
  running_var: "moving_variance",
};

/** A layer, read with its class's defaults. The methods throw WeightsError for what does not fit. */
class Reading {
  readonly layer: KerasLayer;
  readonly #importer: Importer;

  constructor(layer: KerasLayer, importer: Importer) {
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

  /** The value that it takes; zeros around it only where `mayBePadded`. */
  value(index = 0, mayBePadded = false): string {
    const name = this.layer.inputs[index] ?? "";
    const value = this.#importer.value(name);
    if (value === undefined) return this.fail(`takes "${name}", which no layer before it gives`);
    if (!mayBePadded && this.#importer.padsOf(name)) {
      this.fail("takes padded values, which only convolutions and pools do here");
    }
    return value;
  }

  values(): string[] {
    if (this.layer.inputs.length < 2) this.fail("joins fewer than two values");
    return this.layer.inputs.map((_, i) => this.value(i));
  }

  /** Throws unless an option, where it is given, has the one value that is read. */
  expect(option: string, ...allowed: readonly unknown[]): void {
    const given = this.layer.config[option];
    if (given === undefined || given === null || allowed.includes(given)) return;
    const known = allowed.map((value) => JSON.stringify(value)).join(" and ");
    this.fail(`has ${option} ${JSON.stringify(given)}; ${known} are read`);
  }

  number(option: string, otherwise: number): number {
    const given = this.layer.config[option] ?? otherwise;
    if (typeof given === "number" && Number.isFinite(given)) return given;
    return this.fail(`has ${option} ${JSON.stringify(given)}`);
  }

  count(option: string, otherwise?: number): number {
    const given = this.layer.config[option] ?? otherwise;
    return isExtent(given) ? given : this.fail(`has ${option} ${JSON.stringify(given)}`);
  }

  pair(option: string, otherwise?: Pair): Pair {
    const given = this.layer.config[option] ?? otherwise;
    const both = Array.isArray(given) ? given : [given, given];
    if (both.length === 2 && both.every((e) => isExtent(e))) return both as unknown as Pair;
    return this.fail(`has ${option} ${JSON.stringify(given)}`);
  }

  /** Padding of its own, or that of a ZeroPadding2D before it. */
  padding(): NetworkPadding {
    this.expect("padding", "same", "valid");
    const pads = this.#importer.padsOf(this.layer.inputs[0] ?? "");
    if (this.layer.config.padding !== "same") return pads ?? "valid";
    return pads ? this.fail("pads what has been padded") : "same";
  }

  /** The windows of a pooling. */
  windows(): { kernelSize: Pair; stride: Pair; padding: NetworkPadding } {
    const kernelSize = this.pair("pool_size", [2, 2]);
    return { kernelSize, stride: this.pair("strides", kernelSize), padding: this.padding() };
  }

  /** The activation of the layer itself: undefined for none, and for a softmax. */
  activation(): { activation?: ActivationLike; softmax: boolean } {
    const given = this.layer.config.activation ?? "linear";
    if (given === "softmax") return { softmax: true };
    if (given === "linear") return { softmax: false };
    if (typeof given === "string" && Object.hasOwn(ACTIVATIONS, given)) {
      return { activation: ACTIVATIONS[given]!, softmax: false };
    }
    return this.fail(`has the activation ${JSON.stringify(given)}`);
  }
}

const isExtent = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_EXTENT;

const ACTIVATIONS: Readonly<Record<string, ActivationLike>> = {
  relu: "relu",
  elu: "elu",
  gelu: "gelu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
  sigmoid: "sigmoid",
};

type LayerReader = (layer: Reading, into: Importer) => void;

const LAYERS: Readonly<Record<string, LayerReader>> = {
  InputLayer: () => {},
  ZeroPadding2D(layer, into) {
    const given = layer.layer.config.padding;
    const flat = Array.isArray(given) ? given.flat() : [];
    const sound = flat.length === 4 && flat.every((n) => n === 0 || isExtent(n));
    if (!sound) return layer.fail(`has padding ${JSON.stringify(given)}`);
    into.pad(layer.name, layer.value(), flat as unknown as Pads);
  },
  Conv2D(layer, into) {
    const { activation, softmax } = layer.activation();
    if (softmax) layer.fail("has a softmax, which is read only after a dense layer");
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
    if (axis !== 3 && axis !== -1) layer.fail(`has axis ${JSON.stringify(axis)}; only channels are read`);
    const eps = layer.number("epsilon", 1e-3);
    // Keras' momentum is the share of what was there before.
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
    // Zeros around a map are as good as no padding only where nothing is negative.
    const isPositive = from && "activation" in from && from.activation === "relu";
    if (into.padsOf(layer.layer.inputs[0]!) && !isPositive) layer.fail("takes zeros that may be maxima");
    into.add({ type: "max_pool2d", ...layer.windows() }, [x], layer.name);
  },
  AveragePooling2D(layer, into) {
    const x = layer.value(0, true);
    // Zeros of another layer count, those of the pool itself do not.
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

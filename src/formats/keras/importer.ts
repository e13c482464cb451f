import { WeightsError } from "../../base/errors.ts";
import { show } from "../../base/schema.ts";
import type { Pads } from "../../base/window.ts";
import type { Variable } from "../../graph/graph.ts";
import { inspect, type Model } from "../../models/model.ts";
import { caffePreprocessing } from "../../models/preprocessing.ts";
import { fileShape, toFile } from "../../weights/layout.ts";
import type { NamedWeights } from "../../weights/tensors.ts";
import { NetworkBuilder } from "../network-builder.ts";
import { isExtent, LAYERS, Reading } from "./layers.ts";
import type { KerasFile, KerasLayer } from "./layers-model.ts";
import { torchvisionNames } from "./names.ts";

/** Limit on the layers of a file; networks that are read here have hundreds. */
const MAX_LAYERS = 20_000;

/** Collects what the layers of a file become. */
export class KerasImporter extends NetworkBuilder {
  /** The size of the weights. */
  readonly bytes: number;
  readonly #layers: readonly KerasLayer[];
  readonly #output: string;
  readonly #names: ReadonlyMap<string, string> | undefined;
  /** By the last two parts of their names, such as `conv1/kernel`. */
  readonly #weights = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  /** The layers with parameters, by our names. */
  readonly #theirs = new Map<string, KerasLayer>();
  /** Zeros around values, which the layers that use them must add. */
  readonly #pads = new Map<string, Pads>();
  #ended = false;

  constructor({ layers, outputs, groups }: KerasFile, source: string) {
    const unknown = [...new Set(layers.map(({ type }) => type))].filter(
      (type) => !Object.hasOwn(LAYERS, type),
    );
    const fail = (reason: string): never => {
      throw new WeightsError(`${source}: ${reason}`);
    };
    if (layers.length > MAX_LAYERS) fail(`has ${layers.length} layers, where at most ${MAX_LAYERS} are read`);
    if (unknown.length > 0) fail(`uses layers that are not read: ${unknown.sort().join(", ")}`);
    const inputs = layers.filter(({ type }) => type === "InputLayer");
    if (inputs.length !== 1) fail(`has ${inputs.length} inputs instead of one`);
    if (outputs.length !== 1) fail(`has ${outputs.length} outputs instead of one`);
    if (layers.some(({ name, type }) => name === "images" && type !== "InputLayer")) {
      fail('has a layer called "images", the name of the input here; rename the layer');
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

  /** Records that a layer puts zeros around a value. */
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

  /** The name here of a layer with parameters. */
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
    const inputShape = this.#inputShape(given);
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

  /** A variable's values in our layout, which is also Keras'. If they do not fit: undefined, and one more problem. */
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

  /** The input shape; `otherwise` fills in what the file leaves open. */
  #inputShape(otherwise: Model["inputShape"] | undefined): Model["inputShape"] {
    const { config } = this.#layers.find(({ type }) => type === "InputLayer")!;
    const shape = config.batch_input_shape ?? config.batch_shape;
    const [, ...given] = Array.isArray(shape) ? shape : [null, null, null, null];
    const extents = given.map((extent, axis) => extent ?? otherwise?.[axis]);
    const sound = extents.every(isExtent);
    if (extents.length === 3 && sound) return extents as unknown as Model["inputShape"];
    const reason = `has an input of ${show(shape)}; give an inputShape for what is not fixed`;
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

/** Keras' names of the parameters of convolutions and dense layers, and of batch norms. */
const PARTS: Readonly<Record<string, string>> = { weight: "kernel", bias: "bias" };
const NORM_PARTS: Readonly<Record<string, string>> = {
  weight: "gamma",
  bias: "beta",
  running_mean: "moving_mean",
  running_var: "moving_variance",
};

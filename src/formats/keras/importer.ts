import { WeightsError } from "../../base/errors.ts";
import { show } from "../../base/schema.ts";
import type { Pads } from "../../base/window.ts";
import type { Variable } from "../../graph/graph.ts";
import { inspect, type Model } from "../../models/model.ts";
import type { Preprocessing } from "../../models/preprocessing.ts";
import { fileShape, toFile } from "../../weights/layout.ts";
import { type Affine, composed, forChannels, preprocessingOf } from "../affine.ts";
import { type DraftLayer, type ImportedNetwork, NetworkBuilder } from "../network-builder.ts";
import { LAYERS, unreadable } from "./layers.ts";
import type { KerasFile } from "./layers-model.ts";
import { type Conventions, conventionsOf } from "./names.ts";
import { isExtent, Reading } from "./reading.ts";
import type { KerasLayer } from "./topology.ts";
import { KerasWeights } from "./weights.ts";

/** Where a parameter of ours is in the file. */
export interface Part {
  /** Keras' names for it, the first that is there. */
  readonly names: readonly string[];
  /** Its shape there, if it is another. The numbers have the same order. */
  readonly shape?: (ours: readonly number[]) => readonly number[];
  /** What it is where an option is false, and it is not there. */
  readonly absent?: { readonly option: string; readonly value: number };
}

/** By our names for them, such as `weight`. */
export type Parts = Readonly<Record<string, Part>>;

/** What a layer of the file becomes. */
export type LayerReader = (layer: Reading, into: KerasImporter) => void;

/** What multiplies and shifts a value; undefined as long as it depends on weights that are not there yet. */
export type AffineOf = () => Affine | undefined;

/** What stands between a value of the network and a name for it in the file. */
interface Pending {
  /** Zeros around it. */
  readonly pads?: Pads;
  /** What is done to it, one after another. */
  readonly affines?: readonly AffineOf[];
  /** Whether a ReLU6 follows. */
  readonly relu6?: boolean;
  /** Which channels of the images it is, if not all in their order. */
  readonly channels?: readonly number[];
}

type RescaleLayer = Extract<DraftLayer, { type: "rescale" }>;

/** Collects what the layers of a file become. */
export class KerasImporter extends NetworkBuilder {
  /** Keras' major version, 2 for TensorFlow.js. */
  readonly version: number;
  readonly inputShape: Model["inputShape"];
  readonly #output: string;
  readonly #conventions: Conventions;
  /** How many layers have this name, in one model or another. */
  readonly #called = new Map<string, number>();
  readonly #weights = new KerasWeights();
  /** Whose weights those of a layer here are. */
  readonly #theirs = new Map<string, { readonly layer: KerasLayer; readonly parts: Parts }>();
  readonly #pending = new Map<string, Pending>();
  /** What layers multiply and add, once the weights are there. */
  readonly #rescaled = new Map<RescaleLayer, readonly AffineOf[]>();
  /** What is done to the images first; undefined before any layer takes them. */
  #images: Pick<Pending, "affines" | "channels"> | undefined;
  /** What a softmax makes that ends the network, and is left out. */
  readonly #ends = new Set<string>();
  /** The names of the file, and those that are made up besides. */
  readonly #given: Set<string>;

  constructor(file: KerasFile, source: string, otherwise?: Model["inputShape"]) {
    const { layers, output, version } = file;
    const problem = unreadable(layers);
    if (problem) throw new WeightsError(`${source}: ${problem}`);
    const input = layers.find(({ type, operands }) => type === "InputLayer" && operands.length === 0);
    if (!input) throw new WeightsError(`${source}: has no input`);
    const taken = layers.flatMap(({ operands }) => operands.filter((name) => typeof name === "string"));
    super(source, input.name, [output, ...taken]);
    this.version = version;
    this.inputShape = this.#inputShape(file.inputShape, otherwise);
    this.#output = output;
    this.#given = new Set(["images"]);
    for (const { name, path } of layers) {
      if (name === "images" && name !== input.name) {
        this.#fail('has a layer called "images", the name of the input here; rename the layer');
      }
      this.#given.add(name);
      this.#called.set(path.at(-1)!, (this.#called.get(path.at(-1)!) ?? 0) + 1);
    }
    this.#conventions = conventionsOf(new Set(this.#called.keys()));
    for (const layer of layers) LAYERS[layer.type]!(new Reading(layer, this), this);
  }

  /** The value of this name, which a layer takes: before the zeros around it if `mayBePadded`, as `padsOf` says. */
  override value(name: string, mayBePadded = false): string | undefined {
    if (this.#ends.has(name) && name !== this.#output) this.#fail("goes on after a softmax");
    const value = super.value(name);
    const pending = this.#pending.get(name) ?? {};
    const { pads, affines, relu6 } = pending;
    if (value === "images" && !pads) this.#takeImages(name, pending);
    const hasLayer = pads ? !mayBePadded : affines && value !== "images";
    if (value === undefined || !hasLayer) return value;
    let last = value;
    if (pads) {
      last = this.fresh(`${name}.pad`);
      this.add({ type: "pad2d", padding: pads }, [value], last);
    }
    if (affines) {
      last = this.fresh(`${name}.rescale`);
      this.add({ type: "rescale" }, [value], last);
      this.#rescaled.set(this.layer(last) as RescaleLayer, affines);
    }
    if (relu6) {
      const to = this.fresh(`${name}.relu6`);
      this.activate(last, "relu6", to);
      last = to;
    }
    this.#pending.delete(name);
    // Others that take this name take the layer's value.
    this.alias(name, last);
    return last;
  }

  #takeImages(name: string, { affines, channels }: Pending): void {
    this.#images ??= { ...(affines && { affines }), ...(channels && { channels }) };
    const same = (a: readonly unknown[] = [], b: readonly unknown[] = []): boolean =>
      a.length === b.length && a.every((part, i) => part === b[i]);
    if (!same(this.#images.affines, affines) || !same(this.#images.channels, channels)) {
      this.#fail(`takes the images both before and after what "${name}" does to them`);
    }
  }

  /** Records that a layer takes out a channel of the images. */
  takeChannel(layer: Reading, channel: number): void {
    if (super.value(layer.input) !== "images" || this.#pending.has(layer.input)) {
      layer.fail("takes out a part of a value, which can be read only of the images");
    }
    this.alias(layer.name, "images");
    this.#pending.set(layer.name, { channels: [channel] });
  }

  /** Records that a layer puts together channels of the images. */
  stackChannels(layer: Reading): void {
    const names = layer.layer.operands.filter((operand) => typeof operand === "string");
    const channels = names.flatMap((name) => this.#pending.get(name)?.channels ?? []);
    if (channels.join() !== "2,1,0" || names.length !== 3) {
      layer.fail("stacks values, which can be read only of the images' channels, in the order B, G, R");
    }
    this.alias(layer.name, "images");
    this.#pending.set(layer.name, { channels });
  }

  /** A layer that changes nothing, which may follow the softmax too. */
  pass(layer: Reading): void {
    const { name, input: from } = layer;
    const pending = this.#pending.get(from);
    if (super.value(from) === "images") {
      this.alias(name, "images");
      if (pending) this.#pending.set(name, pending);
    } else if (this.isEnd(from)) {
      this.alias(name, super.value(from)!);
      this.#ends.add(name);
    } else this.alias(name, layer.value());
  }

  /** Whether a value is that of the softmax at the end. */
  isEnd(name: string): boolean {
    return this.#ends.has(name);
  }

  /** Records that a layer puts zeros around what it takes. */
  pad(name: string, value: string, pads: Pads): void {
    this.alias(name, value);
    this.#pending.set(name, { pads });
  }

  padsOf(name: string): Pads | undefined {
    return this.#pending.get(name)?.pads;
  }

  /** Records that a layer multiplies and shifts what it takes. */
  affine(layer: Reading, affine: AffineOf): void {
    const { name, input: from } = layer;
    const { affines = [], relu6, channels } = this.#pending.get(from) ?? {};
    if (relu6 && isConstant(affine, 1 / 6, 0)) {
      this.activate(this.#untouched(layer), "hardsigmoid", name);
      return;
    }
    this.alias(name, relu6 ? layer.value() : this.#untouched(layer));
    this.#pending.set(name, {
      affines: relu6 ? [affine] : [...affines, affine],
      ...(channels && { channels }),
    });
  }

  /** A ReLU6, which after + 3 and before × 1/6 is a part of a hard sigmoid. */
  relu6(layer: Reading): void {
    const pending = this.#pending.get(layer.input);
    const [affine, ...more] = pending?.affines ?? [];
    const value = super.value(layer.input);
    const isGate = affine && more.length === 0 && !pending?.relu6 && isConstant(affine, 1, 3);
    if (value !== undefined && value !== "images" && isGate) {
      this.alias(layer.name, value);
      this.#pending.set(layer.name, { ...pending, relu6: true });
    } else this.activate(layer.value(), "relu6", layer.name);
  }

  /** The value that a layer takes, before what is pending for it, unless that is zeros. */
  #untouched(layer: Reading): string {
    const value = super.value(layer.input);
    return value === undefined || this.#ends.has(layer.input) || this.padsOf(layer.input)
      ? layer.value()
      : value;
  }

  /** What a layer takes, without taking it. */
  peek(layer: Reading): string {
    return this.#pending.get(layer.input)?.pads ? layer.value() : (super.value(layer.input) ?? layer.value());
  }

  softmax(name: string, value: string): void {
    if (!this.isVector(value))
      this.#fail(`"${name}" is a softmax over the channels of a map, which is not read`);
    if (name !== value) this.alias(name, value);
    this.#ends.add(name);
  }

  /** The name here of a layer with parameters, which the file has as these parts. */
  layerName({ layer }: Reading, parts: Parts, suffix = ""): string {
    const own = layer.path.at(-1)!;
    const alone = this.#called.get(own) === 1 ? own : layer.path.join(".");
    const name = `${this.#conventions.names?.get(own) ?? alone}${suffix}`;
    if (this.#theirs.has(name)) this.#fail(`two layers are called "${name}"; rename one`);
    this.#theirs.set(name, { layer, parts });
    return name;
  }

  /** A name that no value of the file has. */
  fresh(wanted: string): string {
    let name = wanted;
    while (this.#given.has(name)) name += "_";
    this.#given.add(name);
    return name;
  }

  /** A weight of a layer, once the weights are there. */
  weight({ path }: KerasLayer, name: string): Float32Array | undefined {
    const found = this.#weights.find(path, name);
    return found === "ambiguous" ? undefined : found?.data;
  }

  take(weights: Parameters<KerasWeights["take"]>[0]): void {
    this.#weights.take(weights);
  }

  finish(): ImportedNetwork {
    const { inputShape } = this;
    if (this.#ends.size > 0 && !this.#ends.has(this.#output)) this.#fail("goes on after a softmax");
    const value = this.value(this.#output);
    for (const [layer, affines] of this.#rescaled) {
      const channels = this.extents(layer.from[0]!, inputShape).at(-1)!;
      const { scale, shift } = this.#composed(affines, channels);
      Object.assign(layer, { scale: single(scale), offset: single(shift) });
    }
    const output = value && value !== "images" && !this.isVector(value) ? this.#pooled(value) : this.#output;
    const preprocessing = this.#preprocessing();
    const options = { inputShape, ...(preprocessing && { preprocessing }) };
    const model = this.network(output, options, output !== this.#output);
    const { parameters, states } = inspect(model);
    const problems: string[] = [];
    const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const variable of [...parameters, ...states]) {
      const values = this.#valuesOf(variable, problems);
      if (values) weights.set(variable.name, { shape: fileShape(variable), data: toFile(variable, values) });
    }
    if (problems.length > 0) this.#fail(this.#weights.nameless ?? problems.join("; "));
    return this.imported(model, weights);
  }

  #preprocessing(): Preprocessing | undefined {
    const { inputShape } = this;
    const { affines = [], channels } = this.#images ?? {};
    if (affines.length === 0 && !channels) {
      return inputShape[2] === 3 ? this.#conventions.preprocessing?.(inputShape) : undefined;
    }
    const affine = this.#composed(affines, inputShape[2]);
    const { scale, shift } = affine;
    const what = `multiplies its images by ${scale.join(", ")} and adds ${shift.join(", ")}`;
    return (
      preprocessingOf(affine, inputShape, channels && "caffe") ??
      this.#fail(`${what}, which is no mean and standard deviation`)
    );
  }

  #composed(affines: readonly AffineOf[], channels: number): Affine {
    const none: Affine = { scale: forChannels([1], channels), shift: forChannels([0], channels) };
    return affines.reduce<Affine>((before, of) => {
      const affine = of() ?? this.#fail("has a Normalization without its weights, mean and variance");
      const wrong = [affine.scale, affine.shift].find(({ length }) => length !== 1 && length !== channels);
      if (wrong) this.#fail(`multiplies or adds ${wrong.length} numbers to values of ${channels} channels`);
      return composed(before, affine, channels);
    }, none);
  }

  /** A variable's values in our layout, which is also Keras'. If they do not fit: undefined, and one more problem. */
  #valuesOf({ name, tensor: { shape } }: Variable, problems: string[]): Float32Array | undefined {
    const dot = name.lastIndexOf(".");
    const [prefix, part] = [name.slice(0, dot), name.slice(dot + 1)];
    const { layer, parts } = this.#theirs.get(prefix)!;
    const { names, shape: shapeOf, absent } = parts[part]!;
    const expected = shapeOf ? shapeOf(shape) : shape;
    const found = names.map((theirs) => this.#weights.find(layer.path, theirs)).find(Boolean);
    if (found && found !== "ambiguous" && found.shape.join() === expected.join()) return found.data;
    if (!found && absent && layer.config[absent.option] === false) {
      return new Float32Array(shape[0]!).fill(absent.value);
    }
    const is =
      found === "ambiguous" ? "there more than once" : found ? `(${found.shape.join(", ")})` : "missing";
    problems.push(`${layer.path.at(-1)}/${names[0]} should be (${expected.join(", ")}) and is ${is}`);
    return undefined;
  }

  /** The input shape; `otherwise` fills in what the file leaves open. */
  #inputShape(shape: unknown, otherwise: Model["inputShape"] | undefined): Model["inputShape"] {
    const [, ...given] = Array.isArray(shape) ? shape : [null, null, null, null];
    const extents = given.map((extent, axis) => extent ?? otherwise?.[axis]);
    if (extents.length === 3 && extents.every(isExtent)) return extents as unknown as Model["inputShape"];
    return this.#fail(`has an input of ${show(shape ?? null)}; give an inputShape for what is not fixed`);
  }

  /** Whether a value is (N, C); so is a map of one pixel that a global pool makes. */
  isVector(value: string): boolean {
    for (let layer = this.layer(value); layer; layer = this.layer(layer.from[0]!)) {
      if (["global_avg_pool", "global_max_pool", "flatten", "dense"].includes(layer.type)) return true;
    }
    return false;
  }

  #pooled(value: string): string {
    const to = this.fresh(`${this.#output}.global_avg_pool`);
    this.add({ type: "global_avg_pool", keepPixel: false }, [value], to);
    return to;
  }

  #fail(reason: string): never {
    throw new WeightsError(`${this.source}: ${reason}`);
  }
}

/** Whether an affine map is of these numbers in every channel. */
function isConstant(of: AffineOf, scale: number, shift: number): boolean {
  const near = (values: readonly number[], wanted: number) =>
    values.every((v) => Math.abs(v - wanted) < 1e-6);
  const affine = of();
  return affine !== undefined && near(affine.scale, scale) && near(affine.shift, shift);
}

/** Numbers that are the same for all channels, as one. */
const single = (numbers: readonly number[]): number | readonly number[] =>
  numbers.every((n) => n === numbers[0]) ? numbers[0]! : numbers;
